import Checkpoints
import ChunkStore
import GRDB

/// Finds the versions of other models that a new version has its content from.
struct LineageFinder {
    private let db: Database
    private let model: Int64
    /// The distinct tensors of the version, and their bytes.
    private var byteCounts: [Int64: Int] = [:]
    private let total: Int

    /// Part of a version's bytes that an ancestor has at least.
    static let minimumShare = 0.1

    /// Versions that are looked at for one tensor: those that had it first.
    private static let holderLimit = 512

    /// Ancestors of one version, at most.
    private static let ancestorLimit = 8

    init(_ db: Database, model: Int64, tensors: [NewTensor], tensorIDs: [Int64]) {
        self.db = db
        self.model = model
        for (tensor, id) in zip(tensors, tensorIDs) { byteCounts[id] = tensor.byteCount }
        total = byteCounts.values.reduce(0, +)
    }

    /// What to note: what was said, or else what is found.
    func ancestors(_ options: SaveOptions, parent: Int64?) throws -> [LineageTable.New] {
        if !options.mergedFrom.isEmpty {
            return try options.mergedFrom.map { text in
                try given(VersionTable.resolve(db, VersionReference(text), text: text).rowID, .merged)
            }
        }
        if options.parent != nil, let parent {
            let isForeign = try Bool.fetchOne(
                db, sql: "SELECT model <> ? FROM version WHERE id = ?", arguments: [model, parent])
            return isForeign == true ? [try given(parent, .fineTuned)] : []
        }
        return try found(parent: parent)
    }

    private func given(_ version: Int64, _ kind: Ancestor.Kind) throws -> LineageTable.New {
        let has = try db.cachedStatement(
            sql: "SELECT 1 FROM parameter WHERE tensor = ? AND version = ? LIMIT 1")
        let shared = try byteCounts.reduce(0) { sum, tensor in
            try Bool.fetchOne(has, arguments: [tensor.key, version]) == true ? sum + tensor.value : sum
        }
        return LineageTable.New(
            version: version, kind: kind, isGiven: true, share: total > 0 ? Double(shared) / Double(total) : nil
        )
    }

    private func found(parent: Int64?) throws -> [LineageTable.New] {
        var holders = try holdersOfSharedTensors(parent: parent)
        var ancestors: [(version: Int64, share: Double)] = []
        while ancestors.count < LineageFinder.ancestorLimit, !holders.isEmpty {
            var shared: [Int64: Int] = [:]
            for (tensor, versions) in holders {
                for version in versions { shared[version, default: 0] += byteCounts[tensor] ?? 0 }
            }
            // Of equals, the one that had it first.
            guard let best = shared.max(by: { ($0.value, -$0.key) < ($1.value, -$1.key) }) else { break }
            let share = Double(best.value) / Double(total)
            guard share >= LineageFinder.minimumShare else { break }
            ancestors.append((best.key, share))
            holders = holders.filter { !$0.value.contains(best.key) }
        }
        let kind: Ancestor.Kind = ancestors.count > 1 ? .merged : .fineTuned
        return ancestors.map {
            LineageTable.New(version: $0.version, kind: kind, isGiven: false, share: $0.share)
        }
    }

    /// The versions of other models that have each tensor, for those that say something: constants, such as the
    /// biases of a new network, are everywhere, and what the parent has is from there.
    private func holdersOfSharedTensors(parent: Int64?) throws -> [Int64: [Int64]] {
        // One question for all: most tensors are often the parent's.
        let parents = try Set(
            Int64.fetchCursor(
                db.cachedStatement(
                    sql: "SELECT tensor FROM parameter WHERE version IS ? AND tensor IS NOT NULL"),
                arguments: [parent]))
        let isTelling = try db.cachedStatement(
            sql: """
                SELECT NOT ifnull(minimum = maximum AND ifnull(nan_count + infinity_count, 0) = 0, 0)
                FROM tensor WHERE id = ?
                """)
        let find = try db.cachedStatement(
            sql: """
                SELECT DISTINCT version.id FROM parameter JOIN version ON version.id = parameter.version
                WHERE parameter.tensor = ? AND version.model <> ? AND version.deleted_at IS NULL
                ORDER BY parameter.version LIMIT \(LineageFinder.holderLimit)
                """)
        var holders: [Int64: [Int64]] = [:]
        for tensor in byteCounts.keys
        where try !parents.contains(tensor) && Bool.fetchOne(isTelling, arguments: [tensor]) == true {
            let versions = try Int64.fetchAll(find, arguments: [tensor, model])
            if !versions.isEmpty { holders[tensor] = versions }
        }
        return holders
    }
}
