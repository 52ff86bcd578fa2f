import ChunkStore
import GRDB
import GRDBSQLite
import ModelRegistry

extension Registry {
    /// How much SQLite does for `body`: hundreds of the instructions that it interprets. The same each time, on any machine.
    ///
    /// - Precondition: The registry is in memory, so that it has one connection.
    func work(_ body: () throws -> Void) throws -> Int {
        precondition(path == ":memory:", "work of a registry in a file")
        let counter = WorkCounter()
        let context = Unmanaged.passUnretained(counter)
        try store.withWriter { db in
            sqlite3_progress_handler(
                db.sqliteConnection, 100,
                { context in
                    if let context {
                        Unmanaged<WorkCounter>.fromOpaque(context).takeUnretainedValue().count += 1
                    }
                    return 0
                }, context.toOpaque())
        }
        defer { try? store.withWriter { db in sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil) } }
        try body()
        return withExtendedLifetime(counter) { counter.count }
    }
}

private final class WorkCounter {
    var count = 0
}
