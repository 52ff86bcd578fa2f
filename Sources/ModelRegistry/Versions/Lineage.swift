public import Checkpoints
import GRDB

/// A version, of another model usually, that a version was made from.
public struct Ancestor: Hashable, Sendable {
    /// How the version was made from it.
    public enum Kind: String, Hashable, Sendable {
        /// Trained further.
        case fineTuned = "fine_tuned"
        /// Put together with others.
        case merged
    }

    /// What it was called: `base:v4`.
    public let reference: String
    /// Its content id, by which it is found in other registries.
    public let contentID: ContentID
    /// Whether it is in this registry, and not deleted.
    public let isPresent: Bool
    /// How the version was made from it.
    public let kind: Kind
    /// Whether a user said so; otherwise it was found by content that both have.
    public let isGiven: Bool
    /// Part of the version's bytes that it has too, 0 to 1.
    public let share: Double?
}

extension Registry {
    /// What a version was made from, beside ``Version/parent``: what gave most comes first.
    ///
    /// Where nobody said it, it was found as the version was saved: versions of other models that have at least a
    /// tenth of its bytes in the same tensors, constant ones and those of its parent aside. One of them: it was
    /// fine-tuned from that; several, each with content of its own: it was merged from these.
    public func lineage(of version: Version) throws -> [Ancestor] {
        try read { db in try LineageTable.ancestors(db, version.rowID) }
    }

    /// The versions of other models that were made from a version, in the order they were saved.
    public func descendants(of version: Version) throws -> [Version] {
        try read { db in
            try VersionTable.fetch(
                db,
                where: """
                    version.deleted_at IS NULL AND version.id IN (
                      SELECT version FROM lineage WHERE ancestor = ?1
                      UNION SELECT child.id FROM version AS child WHERE child.parent = ?1
                        AND child.model <> (SELECT model FROM version WHERE id = ?1))
                    """,
                arguments: [version.rowID]
            ).sorted { $0.createdAt < $1.createdAt }
        }
    }
}

/// Ancestors as rows.
enum LineageTable {
    struct New {
        let version: Int64
        let kind: Ancestor.Kind
        let isGiven: Bool
        let share: Double?
    }

    static func insert(_ db: Database, version: Int64, _ ancestors: [New]) throws {
        for (ordinal, ancestor) in ancestors.enumerated() {
            try db.execute(
                sql: """
                    INSERT INTO lineage
                      (version, ordinal, ancestor, ancestor_name, ancestor_content_id, kind, found, share)
                    SELECT ?, ?, version.id, model.name || ':v' || version.number, version.content_id, ?, ?, ?
                    FROM version JOIN model ON model.id = version.model WHERE version.id = ?
                    """,
                arguments: [
                    version, ordinal, ancestor.kind.rawValue, ancestor.isGiven ? "given" : "shared_content",
                    ancestor.share, ancestor.version,
                ])
        }
    }

    static func ancestors(_ db: Database, _ version: Int64) throws -> [Ancestor] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT lineage.*, ancestor.deleted_at IS NULL AND ancestor.id IS NOT NULL AS is_present,
                       model.name || ':v' || ancestor.number AS reference
                FROM lineage LEFT JOIN version AS ancestor ON ancestor.id = lineage.ancestor
                LEFT JOIN model ON model.id = ancestor.model
                WHERE lineage.version = ? ORDER BY ordinal
                """,
            arguments: [version])
        return try rows.map { row in
            let kind: String = try row.value("kind")
            guard let kind = Ancestor.Kind(rawValue: kind) else {
                throw RegistryError.Damage(problem: "lineage of the unknown kind \"\(kind)\"")
            }
            return Ancestor(
                reference: try row.optional("reference") ?? row.value("ancestor_name"),
                contentID: try row.contentID("ancestor_content_id"),
                isPresent: try row.value("is_present", as: Int.self) == 1, kind: kind,
                isGiven: try row.value("found", as: String.self) == "given", share: try row.optional("share"))
        }
    }
}
