import CSQLiteShim
import Foundation
import GRDB
import TestSupport
import Testing

/// Locks of an open file description, in a process that has used SQLite before.
struct FileLockTests {
    /// The transaction began with plain locks. With other ones on top, it would wait for itself.
    @Test func aTransactionGoesOnThatBeganBefore() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let queue = try DatabaseQueue(path: folder.file("a.db"))
            try queue.write { db in try db.execute(sql: "CREATE TABLE t (x)") }
            try queue.inDatabase { db in
                try db.execute(sql: "BEGIN; SELECT * FROM t; INSERT INTO t VALUES (1)")
                guard mr_sqlite_lock_by_description() == 0 else { throw CancellationError() }
                try db.execute(sql: "COMMIT")
                try db.execute(sql: "BEGIN IMMEDIATE; INSERT INTO t VALUES (2); COMMIT")
            }
            let other = try DatabaseQueue(path: folder.file("a.db"))
            try other.write { db in try db.execute(sql: "INSERT INTO t VALUES (3)") }
        }
    }
}
