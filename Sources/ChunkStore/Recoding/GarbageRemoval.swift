package import GRDB

/// Freeing chunks that nobody names, and the space that they took.
package struct GarbageRemoval: Sendable {
    private let store: ChunkStore

    package init(_ store: ChunkStore) { self.store = store }

    /// Encoded bytes of the packs that one transaction deletes.
    private static let packsAtOnce = LockPolicy.batchByteCount / PackTable.packByteCount

    /// Deletes the rows of chunks that nobody names or is about to, some at a time, deltas before the chunks that they are
    /// differences from.
    ///
    /// - Returns: How many.
    /// - Complexity: O(chunks).
    package func deleteChunks(
        _ transactions: TransactionSeries, rowCountAtOnce: Int = TransactionSeries.rowCountAtOnce
    ) throws -> Int {
        try transactions.write { db in try UnfinishedWrite.removeEnded(store, db) }
        let isUnnamed = """
            NOT \(store.needs.isNamed("chunk.id"))
            AND NOT EXISTS (SELECT 1 FROM unfinished_write WHERE first_chunk <= chunk.id)
            """
        var found: [Int: [Int64]] = [:]
        try transactions.forEachBatch(of: "chunk", where: isUnnamed, rowCount: rowCountAtOnce) { chunks in
            try transactions.read { db in
                let depth = try db.cachedStatement(sql: "SELECT depth FROM chunk WHERE id = ?")
                for chunk in chunks {
                    guard let depth = try Int.fetchOne(depth, arguments: [chunk]) else { continue }
                    found[depth, default: []].append(chunk)
                }
            }
        }
        var count = 0
        for (_, chunks) in found.sorted(by: { $0.key > $1.key }) {
            for start in stride(from: 0, to: chunks.count, by: rowCountAtOnce) {
                try Task.checkCancellation()
                let batch = chunks[start..<min(start + rowCountAtOnce, chunks.count)]
                count += try transactions.write { db in try delete(batch, where: isUnnamed, db) }
            }
        }
        return count
    }

    /// Deletes chunks that are still as they were found, and that nothing is a difference from.
    private func delete(_ chunks: ArraySlice<Int64>, where isUnnamed: String, _ db: Database) throws -> Int {
        let delete = try db.cachedStatement(
            sql: """
                DELETE FROM chunk WHERE id = ? AND \(isUnnamed)
                  AND NOT EXISTS (SELECT 1 FROM chunk AS delta WHERE delta.base = chunk.id)
                """)
        var count = 0
        for chunk in chunks {
            try delete.execute(arguments: [chunk])
            count += db.changesCount
        }
        return count
    }

    /// Deletes empty packs, some at a time.
    package func deletePacks() throws {
        var empty = try store.read { db in try PackTable.empty(db) }[...]
        while !empty.isEmpty {
            let batch = Set(empty.prefix(GarbageRemoval.packsAtOnce))
            empty = empty.dropFirst(batch.count)
            try store.write { db in try PackTable.deleteEmpty(db, among: batch) }
            LockPolicy.pause()
        }
    }

    /// Writes packs anew of which much is not needed any more, and cuts free pages off the file.
    ///
    /// - Parameters:
    ///   - packs: The packs to look at; `nil` for all.
    ///   - isCancelled: Asked between batches whether to stop.
    /// - Complexity: O(chunks) to look, and the bytes of packs of which an eighth is not needed.
    package func tidy(_ packs: Set<Int64>? = nil, isCancelled: () -> Bool = { false }) throws {
        let thin = try store.read { db in try ThinPacks.find(db, among: packs) }
        for batch in ThinPacks.batches(thin) {
            if isCancelled() { return }
            try store.write { db in try ThinPacks.rewrite(db, batch) }
            LockPolicy.pause()
        }
        try shrinkFile()
    }

    /// Cuts free pages off the file, some at a time, so that others get in between.
    private func shrinkFile() throws {
        // Nothing to do, as a rule: reading keeps nobody out.
        guard try store.read({ db in try PageCounts(db).free > 0 }) else { return }
        while true {
            let isDone = try store.write { db in
                let free = try PageCounts(db).free
                if free > 0 {
                    try db.execute(sql: "PRAGMA incremental_vacuum(\(GarbageRemoval.vacuumPageCount))")
                }
                let left = try PageCounts(db).free
                return left == 0 || left == free
            }
            if isDone { return }
            LockPolicy.pause()
        }
    }

    /// Pages moved in one transaction: 32 MB.
    private static let vacuumPageCount = 2048

    /// Takes the same steps in a transaction that is rolled back, with zeros for bytes.
    ///
    /// - Returns: The pages that the file would have.
    package func rehearse(_ db: Database) throws -> Int {
        try PackTable.deleteEmpty(db)
        for packs in ThinPacks.batches(try ThinPacks.find(db)) {
            try ThinPacks.rewrite(db, packs, copies: false)
        }
        return try PageCounts(db).shrunk
    }
}
