import ChunkStore
import Foundations
import GRDB

/// Removing the rows that no version needs, in transactions of bounded length.
///
/// What is removed is out of reach first: a version is marked as being removed, so that it cannot be restored, before the
/// first of its leaves goes. A kill in between leaves what the next collection removes.
struct RowRemoval {
    struct Counts {
        var versions = 0
        var tensors = 0
        var chunks = 0
    }

    private let store: ChunkStore
    private let transactions: TransactionSeries
    /// Rows that one transaction deletes, at most; a version's own facts are not counted.
    private let rowCountAtOnce: Int
    private var freedPageCount = 0

    init(_ store: ChunkStore, _ transactions: TransactionSeries, rowCountAtOnce: Int) {
        self.store = store
        self.transactions = transactions
        self.rowCountAtOnce = rowCountAtOnce
    }

    /// What `version.deleted_at` says while the rows of a version are being removed.
    static let removing = ""

    mutating func run() throws -> Counts {
        var counts = Counts()
        counts.versions = try removeVersions()
        counts.tensors = try removeTensors()
        let before = try transactions.read { db in try PageCounts(db) }
        counts.chunks = try GarbageRemoval(store).deleteChunks(transactions, rowCountAtOnce: rowCountAtOnce)
        let after = try transactions.read { db in try PageCounts(db) }
        freedPageCount += RowRemoval.freed(before, after)
        try removeShared()
        if counts.versions + counts.tensors + counts.chunks > 0 {
            try transactions.write { db in
                let freed = freedPageCount * after.pageByteCount
                try EventTable.insert(
                    db, "gc", at: Timestamp.now(), detail: "{\"freed_byte_count\":\(freed)}")
            }
        }
        return counts
    }

    private static func freed(_ before: PageCounts, _ after: PageCounts) -> Int {
        before.all - before.free - after.all + after.free
    }

    /// Deletes rows, and counts the pages that this frees.
    private mutating func delete(_ body: (Database) throws -> Int) throws -> Int {
        try Task.checkCancellation()
        let (count, freed) = try transactions.write { db in
            let before = try PageCounts(db)
            let count = try body(db)
            return (count, RowRemoval.freed(before, try PageCounts(db)))
        }
        freedPageCount += freed
        return count
    }

    private mutating func removeVersions() throws -> Int {
        let versions = try transactions.write { db in
            try db.execute(
                sql: "UPDATE version SET deleted_at = ? WHERE deleted_at IS NOT NULL AND deleted_at <> ?",
                arguments: [RowRemoval.removing, RowRemoval.removing])
            return try Int64.fetchAll(
                db, sql: "SELECT id FROM version WHERE deleted_at = ? ORDER BY id",
                arguments: [RowRemoval.removing])
        }
        var count = 0
        var rest = versions[...]
        while !rest.isEmpty {
            let limit = rowCountAtOnce
            var taken = 0
            count += try delete { db in
                var room = limit
                var count = 0
                for version in rest {
                    guard room > 0 else { break }
                    // Its row counts as a leaf, so that versions without leaves come to an end too.
                    room -= try RowRemoval.removeLeaves(of: version, room, db) + 1
                    guard room >= 0 else { break }
                    try db.cachedStatement(sql: "DELETE FROM version WHERE id = ?").execute(arguments: [version]
                    )
                    count += db.changesCount
                    taken += 1
                }
                return count
            }
            rest = rest.dropFirst(taken)
        }
        return count
    }

    /// Deletes leaves of a version, at most `limit`.
    ///
    /// - Returns: How many; `limit` where there may be more.
    private static func removeLeaves(of version: Int64, _ limit: Int, _ db: Database) throws -> Int {
        var count = 0
        for table in ["parameter", "dropped_parameter"] where count < limit {
            let delete = try db.cachedStatement(
                sql: """
                    DELETE FROM \(table) WHERE version = ?1 AND ordinal IN (
                      SELECT ordinal FROM \(table) WHERE version = ?1 ORDER BY ordinal LIMIT ?2)
                    """)
            try delete.execute(arguments: [version, limit - count])
            count += db.changesCount
        }
        return count
    }

    private mutating func removeTensors() throws -> Int {
        let isUnneeded = "NOT EXISTS (SELECT 1 FROM parameter WHERE parameter.tensor = tensor.id)"
        // Its chunks go with a tensor: a large one has thousands.
        var found: [(tensor: Int64, rowCount: Int)] = []
        try transactions.forEachBatch(of: "tensor", where: isUnneeded, rowCount: rowCountAtOnce) { tensors in
            try transactions.read { db in
                let size = try db.cachedStatement(
                    sql: "SELECT count(*) FROM tensor_chunk WHERE tensor = ?")
                for tensor in tensors {
                    found.append((tensor, 1 + (try Int.fetchOne(size, arguments: [tensor]) ?? 0)))
                }
            }
        }
        var count = 0
        var rest = found[...]
        while !rest.isEmpty {
            var room = rowCountAtOnce
            let batch = rest.prefix { tensor in
                defer { room -= tensor.rowCount }
                return room > 0
            }
            rest = rest.dropFirst(batch.count)
            count += try delete { db in
                let delete = try db.cachedStatement(sql: "DELETE FROM tensor WHERE id = ? AND \(isUnneeded)")
                var count = 0
                for (tensor, _) in batch {
                    try delete.execute(arguments: [tensor])
                    count += db.changesCount
                }
                return count
            }
        }
        return count
    }

    /// Removes what versions and runs share and none has any more.
    private mutating func removeShared() throws {
        let isUnneeded = [
            "structure": "NOT EXISTS (SELECT 1 FROM version WHERE version.structure = structure.id)",
            "attachment_content": """
            NOT EXISTS (SELECT 1 FROM attachment WHERE attachment.content = attachment_content.id)
            AND NOT EXISTS (SELECT 1 FROM run_attachment WHERE run_attachment.content = attachment_content.id)
            """,
            "environment": """
            NOT EXISTS (SELECT 1 FROM version WHERE version.environment = environment.id)
            AND id NOT IN (SELECT environment FROM run WHERE environment IS NOT NULL)
            """,
        ]
        for (table, condition) in isUnneeded.sorted(by: { $0.key < $1.key }) {
            _ = try delete { db in
                try db.execute(sql: "DELETE FROM \(table) WHERE \(condition)")
                return db.changesCount
            }
        }
    }
}
