import ChunkStore
import GRDB

/// How far a registry trades the speed of loading old versions for bytes.
public struct PackingRules: Hashable, Sendable {
    /// Deltas between a chunk and its keyframe, at most. 0: everything stays a keyframe.
    public var maximumDepth: Int
    /// Versions whose number is a multiple of this stay keyframes.
    public var keyframeInterval: Int

    /// The largest depth that a registry may have.
    public static let maximumDepthLimit = 32

    /// Rules; those of a new registry where nothing is said.
    ///
    /// - Precondition: `0...32` deltas, and an interval of 1 at least.
    public init(maximumDepth: Int = 8, keyframeInterval: Int = 32) {
        precondition(
            (0...PackingRules.maximumDepthLimit).contains(maximumDepth), "depth \(maximumDepth) not in 0...32")
        precondition(keyframeInterval >= 1, "keyframe interval \(keyframeInterval)")
        self.maximumDepth = maximumDepth
        self.keyframeInterval = keyframeInterval
    }

    /// Reads the registry's rules; what makes no sense counts as not said.
    init(_ db: Database) throws {
        self.init()
        func number(_ name: String) throws -> Int? {
            try Int.fetchOne(
                db, sql: "SELECT value FROM setting WHERE name = ? AND typeof(value) = 'integer'",
                arguments: [name])
        }
        if let depth = try number(PackingRules.depthName), (0...PackingRules.maximumDepthLimit).contains(depth)
        {
            maximumDepth = depth
        }
        if let interval = try number(PackingRules.intervalName), interval >= 1 { keyframeInterval = interval }
    }

    func write(_ db: Database) throws {
        for (name, value) in [
            (PackingRules.depthName, maximumDepth), (PackingRules.intervalName, keyframeInterval),
        ] {
            try db.execute(
                sql: "INSERT INTO setting (name, value) VALUES (?, ?) "
                    + "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                arguments: [name, value])
        }
    }

    private static let depthName = "packing.maximum_depth"
    private static let intervalName = "packing.keyframe_interval"

    /// The numbers of the versions that a version is stored as a difference from, one after the other as they are
    /// saved; empty if it stays a keyframe.
    ///
    /// The last one is as far away as the lowest bit of the position between two keyframes says: 1 and 3 lead to 2 and 4,
    /// 2 to 4, 4 to 8. So a chain to the next keyframe has at most log2(interval) links while bases are log2(interval) / 2
    /// versions away on average. After the binary indexed tree of Fenwick 1994. Until a base is saved, one at half the
    /// distance stands in: with those a chain has less than 2 log2(interval) links.
    package func baseNumbers(of number: Int) -> [Int] {
        let position = number % keyframeInterval
        guard position > 0 else { return [] }
        let last = min(position & -position, keyframeInterval - position)
        return sequence(first: 1) { $0 * 2 }.prefix { $0 < last }.map { number + $0 } + [number + last]
    }

    /// What bounds depths.
    var delta: DeltaRules { DeltaRules(maximumDepth: maximumDepth) }
}

extension Registry {
    /// The rules that this registry is packed by.
    public func packingRules() throws -> PackingRules { try read { db in try PackingRules(db) } }

    /// Sets the rules. What is packed already stays as it is.
    public func setPackingRules(_ rules: PackingRules) throws { try write { db in try rules.write(db) } }
}
