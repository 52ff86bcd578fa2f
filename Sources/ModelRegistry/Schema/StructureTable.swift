import Checkpoints
import ChunkStore
import GRDB

/// Rows of `structure`: containers and keys without leaves, each once.
enum StructureTable {
    /// The row of a structure, inserted where there is none.
    static func findOrInsert(_ structure: Structure, _ db: Database) throws -> Int64 {
        let json = structure.json
        let id = ContentID(hashing: Array(json.utf8))
        try db.cachedStatement(
            sql: "INSERT INTO structure (content_id, json) VALUES (?, ?) ON CONFLICT (content_id) DO NOTHING"
        ).execute(arguments: [id.data, json])
        let row = try db.row(in: "structure", where: "content_id", is: id.data)
        guard let row else { throw RegistryError.Damage(problem: "a structure was not inserted") }
        return row
    }

    /// The structure of a version.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func structure(_ db: Database, of version: Version) throws -> Structure {
        let json = try String.fetchOne(
            db.cachedStatement(
                sql:
                    "SELECT json FROM structure JOIN version ON version.structure = structure.id WHERE version.id = ?"
            ), arguments: [version.rowID])
        guard let json else { throw RegistryError.Damage(problem: "the structure is missing") }
        do {
            return try Structure(json: json)
        } catch {
            throw RegistryError.Damage(problem: "\(error)")
        }
    }
}
