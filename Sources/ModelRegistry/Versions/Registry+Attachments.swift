import Checkpoints
import ChunkStore
import Foundations
import GRDB

extension Registry {
    /// The bytes of a small file that was saved with a version.
    ///
    /// - Returns: `nil` where the version has no attachment of this name.
    /// - Throws: ``RegistryError/damaged(_:)`` where they are not the bytes that were saved.
    public func attachment(_ name: String, of version: Version) throws -> [UInt8]? {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT content_id, byte_count, bytes FROM attachment
                    JOIN attachment_content ON attachment_content.id = attachment.content
                    WHERE version = ? AND name = ?
                    """,
                arguments: [version.rowID, name])
            guard let row else { return nil }
            return try locatingDamage(version: version.reference) {
                let byteCount: Int = try row.value("byte_count")
                let id = try row.contentID("content_id")
                let stream = try row.withUnsafeData(named: "bytes") { $0.map { [UInt8]($0) } ?? [] }
                guard let bytes = Zlib.decompressed(stream, limit: byteCount), bytes.count == byteCount,
                    ContentID(hashing: bytes) == id
                else { throw RegistryError.Damage(problem: "attachment \"\(name)\" does not match its hash") }
                return bytes
            }
        }
    }
}
