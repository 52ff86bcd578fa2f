import GRDB

/// Changes a registry's rows as stock SQLite would, beside the library.
enum DatabaseChange {
    static func run(_ path: String, _ sql: String) throws {
        try DatabaseQueue(path: path).writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            try db.execute(sql: sql)
        }
    }
}
