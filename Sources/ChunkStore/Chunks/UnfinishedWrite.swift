import Foundation
import Foundations
package import GRDB
import Synchronization

/// A row of `unfinished_write`: keeps garbage collection from removing what a save has inserted and no row names yet.
///
/// Without it a save that takes longer than the time between two collections would never end: it looks for its chunks in
/// its last transaction, and writes again what is missing. So the row is a promise that may be broken, and is: when the
/// process has ended, and an hour after its last sign of life. Nothing but time is lost by that.
package final class UnfinishedWrite: Sendable {
    private let store: ChunkStore
    /// Chosen here: what a transaction that was rolled back had inserted must not be another process's row by now.
    private let row = Int64.random(in: 1...Int64.max)

    package init(_ store: ChunkStore) { self.store = store }

    /// How long a process may be silent before its row no longer counts.
    static let patienceSeconds: Double = 3600

    /// Protects the chunks that are inserted after this call, in the same transaction or a later one.
    package func begin(_ db: Database) throws {
        try UnfinishedWrite.removeAbandoned(store, db)
        try db.execute(
            sql: """
                INSERT INTO unfinished_write (id, first_chunk, process, renewed_at)
                VALUES (?, (SELECT coalesce(max(id), 0) + 1 FROM chunk), ?, ?)
                ON CONFLICT (id) DO UPDATE SET renewed_at = excluded.renewed_at
                """,
            arguments: [row, ProcessIdentity()?.text ?? "", Timestamp.now()])
    }

    /// Ends the protection, in the transaction that inserts the rows that name the chunks.
    package func end(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM unfinished_write WHERE id = ?", arguments: [row])
    }

    /// Ends the protection of chunks that no row will name. The next save or collection of this process deletes the row:
    /// what has failed may have failed because the lock was not to be had.
    package func abandon() { store.abandonedWrites.withLock { $0.append(row) } }

    private static func removeAbandoned(_ store: ChunkStore, _ db: Database) throws {
        let rows = store.abandonedWrites.withLock { $0 }
        for row in rows {
            try db.execute(sql: "DELETE FROM unfinished_write WHERE id = ?", arguments: [row])
        }
        // Where this transaction fails, the row stays until the process has ended or is silent.
        if !rows.isEmpty { store.abandonedWrites.withLock { $0.removeAll { rows.contains($0) } } }
    }

    /// Deletes the rows that no longer count.
    static func removeEnded(_ store: ChunkStore, _ db: Database, now: Date = Date()) throws {
        try removeAbandoned(store, db)
        for row in try Row.fetchAll(db, sql: "SELECT id, process, renewed_at FROM unfinished_write") {
            let process = ProcessIdentity(try row.value("process") as String)
            let silence = Timestamp.date(try row.value("renewed_at")).map { abs(now.timeIntervalSince($0)) }
            if process?.isRunning != false, let silence, silence < patienceSeconds { continue }
            try db.execute(
                sql: "DELETE FROM unfinished_write WHERE id = ?", arguments: [try row.value("id") as Int64])
        }
    }
}
