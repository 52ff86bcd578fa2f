package import GRDB

/// The deltas between chunks, and which chunks must stay keyframes. Valid within one transaction, which may change encodings
/// but not which versions use a chunk.
package final class DeltaGraph {
    private let db: Database
    private let base: Statement
    private let dependants: Statement
    private let setDepth: Statement
    private let isFastNeeded: Statement
    /// Asked once for each chunk: the answer looks at all that have the chunk, and a chunk of zeros is in many places.
    private var fastNeeds: [Int64: Bool] = [:]

    package init(_ db: Database, _ needs: ChunkNeeds) throws {
        self.db = db
        base = try db.cachedStatement(sql: "SELECT base FROM chunk WHERE id = ?")
        dependants = try db.cachedStatement(sql: "SELECT id FROM chunk WHERE base = ?")
        setDepth = try db.cachedStatement(sql: "UPDATE chunk SET depth = ? WHERE id = ?")
        isFastNeeded = try db.cachedStatement(sql: "SELECT \(needs.isNeededFast("?1"))")
    }

    /// The chunk that a chunk is a difference from; `nil` for a keyframe.
    package func base(of chunk: Int64) throws -> Int64? { try Int64.fetchOne(base, arguments: [chunk]) }

    /// Whether the chunk is to be a keyframe.
    package func isNeededFast(_ chunk: Int64) throws -> Bool {
        if let known = fastNeeds[chunk] { return known }
        let isNeeded = try Bool.fetchOne(isFastNeeded, arguments: [chunk]) ?? false
        fastNeeds[chunk] = isNeeded
        return isNeeded
    }

    /// The chunks that `chunk` is decoded by way of, nearest first.
    package func bases(of chunk: Int64) throws -> [Int64] {
        var found: [Int64] = []
        var next = try Int64.fetchOne(base, arguments: [chunk])
        while let id = next {
            guard found.count < ChunkLocation.maximumDepth else {
                throw StoreDamage(problem: "deltas form a cycle or are too deep")
            }
            found.append(id)
            next = try Int64.fetchOne(base, arguments: [id])
        }
        return found
    }

    /// Deltas in the longest chain that ends in `chunk`.
    package func height(of chunk: Int64) throws -> Int {
        var level = [chunk]
        var height = -1
        while !level.isEmpty {
            height += 1
            guard height <= ChunkLocation.maximumDepth else {
                throw StoreDamage(problem: "deltas form a cycle or are too deep")
            }
            level = try level.flatMap { try Int64.fetchAll(dependants, arguments: [$0]) }
        }
        return height
    }

    /// Writes the depth of all that is decoded by way of `chunk`, whose own depth is `depth`.
    func updateDepths(below chunk: Int64, depth: Int) throws {
        var level = [chunk]
        var depth = depth
        while !level.isEmpty {
            level = try level.flatMap { try Int64.fetchAll(dependants, arguments: [$0]) }
            depth += 1
            guard depth <= 2 * ChunkLocation.maximumDepth else {
                throw StoreDamage(problem: "deltas form a cycle or are too deep")
            }
            for id in level { try setDepth.execute(arguments: [depth, id]) }
        }
    }
}
