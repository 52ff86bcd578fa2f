import ChunkStore
import Foundations
import GRDB

/// The registry's diary.
enum EventTable {
    /// Notes what was done, in the transaction that does it.
    static func insert(
        _ db: Database, _ action: String, model: String? = nil, number: Int? = nil, alias: String? = nil,
        at now: String, detail: String? = nil
    ) throws {
        try db.execute(
            sql:
                "INSERT INTO event (at, actor, action, model, number, alias, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [now, CurrentUser.actor(), action, model, number, alias, detail])
    }

    /// What was done to a model in another registry, as its rows hold it.
    static func rows(_ db: Database, model: String) throws -> [Row] {
        try Row.fetchAll(
            db, sql: "SELECT at, actor, action, number, alias, detail FROM event WHERE model = ? ORDER BY id",
            arguments: [model])
    }

    /// Replaces what was done to a model by what another registry has recorded.
    static func replace(_ rows: [Row], model: String, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM event WHERE model = ?", arguments: [model])
        let insert = try db.cachedStatement(
            sql:
                "INSERT INTO event (at, actor, action, model, number, alias, detail) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        for row in rows {
            func column(_ name: String) -> DatabaseValue { row[name] }
            try insert.execute(arguments: [
                column("at"), column("actor"), column("action"), model, column("number"), column("alias"),
                column("detail"),
            ])
        }
    }
}
