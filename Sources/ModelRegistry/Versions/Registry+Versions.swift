public import Checkpoints
import ChunkStore
public import Foundation
import GRDB
public import OrderedCollections

extension Registry {
    /// The version that a reference names.
    ///
    /// - Throws: ``RegistryError`` that says what there is instead.
    public func version(_ reference: String) throws -> Version {
        try read { db in try VersionTable.resolve(db, VersionReference(reference), text: reference) }
    }

    /// The versions of a model, latest first.
    ///
    /// - Parameter limit: At most this many; `nil` for all.
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    /// - Complexity: O(versions returned).
    public func versions(of model: String, limit: Int? = nil) throws -> [Version] {
        try read { db in
            let modelID = try VersionTable.modelID(db, model)
            return try VersionTable.fetch(
                db, where: "version.model = ? AND version.deleted_at IS NULL", arguments: [modelID],
                limit: limit)
        }
    }

    /// All models, by name. One whose versions are all deleted is listed until the next ``collectGarbage()``.
    public func models() throws -> [ModelSummary] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT model.id, model.name, count(version.id) AS version_count, max(version.number) AS latest
                    FROM model LEFT JOIN version ON version.model = model.id AND version.deleted_at IS NULL
                    GROUP BY model.id ORDER BY model.name
                    """)
            let aliases = try db.cachedStatement(sql: "SELECT name FROM alias WHERE model = ? ORDER BY name")
            return try rows.map { row in
                let id: Int64 = try row.value("id")
                let latest = try row.optional("latest", as: Int.self).flatMap { number in
                    try VersionTable.fetch(
                        db, where: "version.model = ? AND version.number = ?", arguments: [id, number]
                    ).first
                }
                return ModelSummary(
                    name: try row.value("name"), versionCount: try row.value("version_count"), latest: latest,
                    aliases: try String.fetchAll(aliases, arguments: [id]))
            }
        }
    }

    /// What is known of a version beside its weights.
    ///
    /// - Throws: ``RegistryError``.
    public func details(of version: Version) throws -> VersionDetails {
        try read { db in
            let attachments = try Row.fetchAll(
                db,
                sql: """
                    SELECT name, byte_count, content_id FROM attachment
                    JOIN attachment_content ON attachment_content.id = attachment.content
                    WHERE version = ? ORDER BY name
                    """,
                arguments: [version.rowID])
            let source = try Row.fetchOne(
                db, sql: "SELECT name, format, byte_count FROM source_file WHERE version = ?",
                arguments: [version.rowID])
            let dropped = try Row.fetchAll(
                db,
                sql: """
                    SELECT path.text AS path, dropped_at FROM dropped_parameter
                    JOIN path ON path.id = dropped_parameter.path WHERE version = ? ORDER BY ordinal
                    """,
                arguments: [version.rowID])
            return VersionDetails(
                attributes: try attributes(db, version, source: "user"),
                fileFacts: try attributes(db, version, source: "file"),
                attachments: try attachments.map { row in
                    VersionDetails.Attachment(
                        name: try row.value("name"), byteCount: try row.value("byte_count"),
                        contentID: try row.contentID("content_id"))
                },
                sourceFile: try source.map { row in
                    VersionDetails.Source(
                        name: try row.value("name"), format: try row.value("format"),
                        byteCount: try row.value("byte_count"))
                },
                droppedPaths: try dropped.map { try $0.value("path") },
                thinnedAt: try dropped.map { try $0.time("dropped_at") }.max())
        }
    }

    private func attributes(_ db: Database, _ version: Version, source: String) throws -> Attributes {
        let rows = try Row.fetchAll(
            db, sql: "SELECT key, value FROM attribute WHERE version = ? AND source = ? ORDER BY ordinal",
            arguments: [version.rowID, source])
        var attributes: Attributes = [:]
        for row in rows { attributes[try row.value("key")] = AttributeValue(trusted: try row.value("value")) }
        return attributes
    }
}

/// What is known of a version beside its weights.
public struct VersionDetails: Hashable, Sendable {
    /// A small file that was saved with the version.
    public struct Attachment: Hashable, Sendable {
        /// The file's name.
        public let name: String
        /// The file's length.
        public let byteCount: Int
        /// SHA-256 of the file.
        public let contentID: ContentID
    }

    /// The file that the version was saved from.
    public struct Source: Hashable, Sendable {
        /// The file's name.
        public let name: String
        /// The format's name.
        public let format: String
        /// The file's length.
        public let byteCount: Int
    }

    /// Facts that the user set.
    public let attributes: Attributes
    /// Metadata of the file that was saved.
    public let fileFacts: Attributes
    /// Attachments, by name.
    public let attachments: [Attachment]
    /// The file that can be given back byte for byte, if there is one.
    public let sourceFile: Source?
    /// Paths of the tensors that were dropped to save space.
    public let droppedPaths: [String]
    /// When the last of these were dropped; `nil` for a whole version.
    public let thinnedAt: Date?
}
