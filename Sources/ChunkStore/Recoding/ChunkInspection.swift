import Checkpoints
package import GRDB

/// Finds the chunks that do not decode to what their ids say.
package struct ChunkInspection: Sendable {
    private let store: ChunkStore

    package init(_ store: ChunkStore) { self.store = store }

    /// Chunks that are looked up in one transaction.
    private static let chunkCountAtOnce = 512

    /// Reads and hashes all chunks, those included that nothing names.
    ///
    /// - Parameter progress: Called with the number of decoded bytes.
    /// - Returns: The rows of those that cannot be read.
    /// - Complexity: O(bytes), on all cores, in short transactions.
    package func damagedRows(progress: ((_ byteCount: Int) -> Void)? = nil) throws -> [Int64] {
        var damaged: [Int64] = []
        var last: Int64?
        while true {
            try Task.checkCancellation()
            let (rows, chunks, broken, session) = try store.read { db in
                try look(after: last, db)
            }
            guard let end = rows.last else { return damaged }
            last = end
            damaged += broken
            let rowsByID = Dictionary(chunks.map { ($0.chunk.contentID, $0.row) }) { first, _ in first }
            for (id, failure) in try session.failures(of: chunks.map(\.chunk)) {
                guard let row = rowsByID[id], failure is StoreDamage else { continue }
                damaged.append(row)
            }
            progress?(chunks.reduce(0) { $0 + $1.chunk.byteCount })
        }
    }

    private func look(after last: Int64?, _ db: Database) throws -> (
        rows: [Int64], chunks: [(row: Int64, chunk: ChunkLocation)], broken: [Int64], ReadSession
    ) {
        let rows = try Int64.fetchAll(
            db,
            sql: """
                SELECT id FROM chunk NOT INDEXED WHERE ?1 IS NULL OR id > ?1 ORDER BY id
                LIMIT \(ChunkInspection.chunkCountAtOnce)
                """, arguments: [last])
        var finder = try ChunkFinder(db)
        var chunks: [(Int64, ChunkLocation)] = []
        var broken: [Int64] = []
        for row in rows {
            do {
                if let chunk = try finder.chunk(row) { chunks.append((row, chunk)) }
            } catch is StoreDamage {
                broken.append(row)
            }
        }
        return (rows, chunks, broken, try ReadSession(store, db))
    }

    /// Whether a chunk decodes to what its id says, as the transaction sees it.
    package static func isWhole(_ chunk: ChunkLocation, _ db: Database) throws -> Bool {
        do {
            return ContentID(hashing: try ChainDecoder.decode(chunk, db)) == chunk.contentID
        } catch is StoreDamage {
            return false
        }
    }

    /// Deletes the rows of chunks. To be called where foreign keys are switched off, or nothing names them.
    package static func delete(_ rows: [Int64], _ db: Database) throws {
        let delete = try db.cachedStatement(sql: "DELETE FROM chunk WHERE id = ?")
        for row in rows { try delete.execute(arguments: [row]) }
    }
}
