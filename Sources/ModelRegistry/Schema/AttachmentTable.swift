import Checkpoints
import Foundations
import GRDB
import OrderedCollections

/// The bytes of attachments, each once.
enum AttachmentTable {
    /// The row of a small file's bytes, inserted where there is none.
    static func findOrInsert(_ db: Database, _ bytes: [UInt8]) throws -> Int64 {
        let id = ContentID(hashing: bytes)
        let find = try db.cachedStatement(sql: "SELECT id FROM attachment_content WHERE content_id = ?")
        if let row = try Int64.fetchOne(find, arguments: [id.data]) { return row }
        try db.execute(
            sql: "INSERT INTO attachment_content (content_id, byte_count, bytes) VALUES (?, ?, ?)",
            arguments: [id.data, bytes.count, Zlib.compressed(bytes).data])
        return db.lastInsertedRowID
    }

    /// The attachments of a version, by name.
    static func ids(_ db: Database, _ version: Version) throws -> OrderedDictionary<String, ContentID> {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT name, content_id FROM attachment
                JOIN attachment_content ON attachment_content.id = attachment.content WHERE version = ? ORDER BY name
                """,
            arguments: [version.rowID])
        return OrderedDictionary(
            uniqueKeysWithValues: try rows.map { (try $0.value("name"), try $0.contentID("content_id")) })
    }
}
