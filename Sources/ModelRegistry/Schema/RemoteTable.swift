import ChunkStore
import Foundations
import GRDB

/// Remotes by name, and what their aliases were when this registry last saw or set them.
enum RemoteTable {
    static func insert(_ name: String, _ address: String, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO remote (name, address, created_at) VALUES (?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET address = excluded.address
                """, arguments: [name, address, Timestamp.now()])
    }

    /// - Returns: Whether there was one.
    static func remove(_ name: String, _ db: Database) throws -> Bool {
        try db.execute(sql: "DELETE FROM remote WHERE name = ?", arguments: [name])
        return db.changesCount > 0
    }

    static func all(_ db: Database) throws -> [(name: String, address: String)] {
        try Row.fetchAll(db, sql: "SELECT name, address FROM remote ORDER BY name").map {
            (try $0.value("name"), try $0.value("address"))
        }
    }

    // MARK: Aliases

    /// The identity of the version that an alias of a repository named when it was last seen or set from here.
    static func identity(repository: String, alias: String, _ db: Database) throws -> String? {
        try String.fetchOne(
            db, sql: "SELECT identity FROM remote_alias WHERE repository = ? AND name = ?",
            arguments: [repository, alias])
    }

    static func note(repository: String, alias: String, identity: String, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO remote_alias (repository, name, identity, seen_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (repository, name) DO UPDATE SET
                  identity = excluded.identity, seen_at = excluded.seen_at
                """, arguments: [repository, alias, identity, Timestamp.now()])
    }
}
