import ChunkStore
import Foundation
import Foundations
import GRDB

/// Notes of people as rows.
enum NoteTable {
    static func insert(_ db: Database, run: Int64? = nil, version: Int64? = nil, _ text: String) throws {
        try insert(
            db, run: run, version: version,
            Note(at: Date(), actor: CurrentUser.actor(), text: text))
    }

    private static func insert(_ db: Database, run: Int64?, version: Int64?, _ note: Note) throws {
        try db.cachedStatement(sql: "INSERT INTO note (run, version, at, actor, text) VALUES (?, ?, ?, ?, ?)")
            .execute(arguments: [
                run, version, Timestamp.text(note.at), note.actor.storable, note.text.storable,
            ])
    }

    /// Adds notes of another registry, but for those that are here, too.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func add(_ notes: [Note], run: Int64? = nil, version: Int64? = nil, _ db: Database) throws {
        let known = try Set(self.notes(db, run: run, version: version))
        for note in notes where !known.contains(note) { try insert(db, run: run, version: version, note) }
    }

    static func notes(_ db: Database, run: Int64? = nil, version: Int64? = nil) throws -> [Note] {
        let condition = run == nil ? "version = ?" : "run = ?"
        let rows = try Row.fetchAll(
            db, sql: "SELECT at, actor, text FROM note WHERE \(condition) ORDER BY id",
            arguments: [run ?? version])
        return try rows.map {
            Note(at: try $0.time("at"), actor: try $0.value("actor"), text: try $0.value("text"))
        }
    }
}
