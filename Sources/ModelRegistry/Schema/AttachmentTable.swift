import Checkpoints
import ChunkStore
import Foundations
import GRDB
import OrderedCollections

/// Attachments as rows; their bytes, each once.
enum AttachmentTable {
    /// The bytes of an attachment, compressed as a column holds them.
    struct Content: Sendable {
        let id: ContentID
        let byteCount: Int
        /// A zlib stream of the bytes.
        let stream: [UInt8]

        init(_ bytes: [UInt8]) {
            id = ContentID(hashing: bytes)
            byteCount = bytes.count
            stream = Zlib.compressed(bytes)
        }

        /// The content in a row, checked against its hash.
        ///
        /// - Throws: ``RegistryError/Damage``.
        init(_ db: Database, row: Int64) throws {
            let found = try Row.fetchOne(
                db.cachedStatement(
                    sql: "SELECT content_id, byte_count, bytes FROM attachment_content WHERE id = ?"),
                arguments: [row])
            guard let found else { throw RegistryError.Damage(problem: "an attachment is missing") }
            id = try found.contentID("content_id")
            byteCount = try found.value("byte_count")
            stream = try found.withUnsafeData(named: "bytes") { $0.map { [UInt8]($0) } ?? [] }
            guard let bytes = Zlib.decompressed(stream, limit: byteCount), bytes.count == byteCount,
                ContentID(hashing: bytes) == id
            else { throw RegistryError.Damage(problem: "an attachment does not match its hash") }
        }
    }

    /// What an attachment belongs to.
    enum Owner {
        case version(Int64)
        /// - Parameter replaces: Whether an attachment of this name that the run has gives way; else it stays.
        case run(Int64, replaces: Bool)
    }

    /// Attaches a small file.
    static func insert(_ name: String, _ content: Content, to owner: Owner, _ db: Database) throws {
        let row = try findOrInsert(content, db)
        switch owner {
        case .version(let version):
            try db.cachedStatement(sql: "INSERT INTO attachment (version, name, content) VALUES (?, ?, ?)")
                .execute(arguments: [version, name, row])
        case .run(let run, let replaces):
            try db.cachedStatement(
                sql:
                    "INSERT OR \(replaces ? "REPLACE" : "IGNORE") INTO run_attachment (run, name, content) "
                    + "VALUES (?, ?, ?)"
            ).execute(arguments: [run, name, row])
        }
    }

    /// The row of some bytes, inserted where there is none.
    private static func findOrInsert(_ content: Content, _ db: Database) throws -> Int64 {
        if let row = try db.row(in: "attachment_content", where: "content_id", is: content.id.data) {
            return row
        }
        try db.cachedStatement(
            sql: "INSERT INTO attachment_content (content_id, byte_count, bytes) VALUES (?, ?, ?)"
        ).execute(arguments: [content.id.data, content.byteCount, content.stream.data])
        return db.lastInsertedRowID
    }

    /// The attachments of a version or run, in another registry as a rule.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func contents(_ db: Database, version: Int64? = nil, run: Int64? = nil) throws -> [(
        name: String, content: Content
    )] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: version == nil
                    ? "SELECT name, content FROM run_attachment WHERE run = ? ORDER BY name"
                    : "SELECT name, content FROM attachment WHERE version = ? ORDER BY name"),
            arguments: [version ?? run])
        return try rows.map { (try $0.value("name"), try Content(db, row: $0.value("content"))) }
    }

    /// The attachments of a version, by name.
    static func ids(_ db: Database, _ version: Version) throws -> OrderedDictionary<String, ContentID> {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT name, content_id FROM attachment
                    JOIN attachment_content ON attachment_content.id = attachment.content WHERE version = ? ORDER BY name
                    """), arguments: [version.rowID])
        return OrderedDictionary(
            uniqueKeysWithValues: try rows.map { (try $0.value("name"), try $0.contentID("content_id")) })
    }
}
