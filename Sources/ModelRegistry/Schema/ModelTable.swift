import ChunkStore
import GRDB

/// Models as rows.
enum ModelTable {
    /// The row of a model, inserted where there is none.
    static func findOrInsert(_ db: Database, _ name: String, at now: String) throws -> Int64 {
        try db.cachedStatement(
            sql: "INSERT INTO model (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
        ).execute(arguments: [name, now])
        guard let id = try db.row(in: "model", where: "name", is: name)
        else { throw RegistryError.Damage(problem: "model \"\(name)\" cannot be found after it was inserted") }
        return id
    }
}
