import ChunkStore
import GRDB

/// What is remembered of names.
enum PackingChoiceTable {
    /// Whether tensors of a name are shorter as differences; `nil` where a sample has to say.
    static func choice(_ db: Database, path: Int64) throws -> Bool? {
        let find = try db.cachedStatement(sql: "SELECT is_delta, use_count FROM packing_choice WHERE path = ?")
        guard let row = try Row.fetchOne(find, arguments: [path]),
            try row.value("use_count", as: Int.self) < PackingPlan.usesOfASample
        else { return nil }
        return try row.value("is_delta", as: Int.self) == 1
    }

    /// Notes which encoding a sample found shorter.
    static func set(_ db: Database, path: Int64, isDelta: Bool) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO packing_choice (path, is_delta, use_count) VALUES (?, ?, 1)
                ON CONFLICT (path) DO UPDATE SET is_delta = excluded.is_delta, use_count = 1
                """
        ).execute(arguments: [path, isDelta ? 1 : 0])
    }

    /// Notes that a version went by what was known.
    static func use(_ db: Database, path: Int64) throws {
        try db.cachedStatement(sql: "UPDATE packing_choice SET use_count = use_count + 1 WHERE path = ?")
            .execute(arguments: [path])
    }
}
