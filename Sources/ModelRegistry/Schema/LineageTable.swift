import Checkpoints
import ChunkStore
import GRDB

/// Ancestors as rows.
enum LineageTable {
    struct New {
        let version: Int64
        let kind: Ancestor.Kind
        let isGiven: Bool
        let share: Double?
    }

    static func insert(_ db: Database, version: Int64, _ ancestors: [New]) throws {
        let find = try db.cachedStatement(
            sql: """
                SELECT model.name || ':v' || version.number AS name, version.content_id
                FROM version JOIN model ON model.id = version.model WHERE version.id = ?
                """)
        for (ordinal, ancestor) in ancestors.enumerated() {
            guard let row = try Row.fetchOne(find, arguments: [ancestor.version]) else { continue }
            try insert(
                db, version: version, ordinal: ordinal, ancestor: ancestor.version,
                Ancestor(
                    reference: try row.value("name"), contentID: try row.contentID("content_id"),
                    isPresent: true,
                    kind: ancestor.kind, isGiven: ancestor.isGiven, share: ancestor.share))
        }
    }

    /// Inserts an ancestor.
    ///
    /// - Parameter ancestor: Its row; `nil` where it is not in this registry.
    static func insert(
        _ db: Database, version: Int64, ordinal: Int, ancestor: Int64?, _ facts: Ancestor
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO lineage
                  (version, ordinal, ancestor, ancestor_name, ancestor_content_id, kind, found, share)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            version, ordinal, ancestor, facts.reference, facts.contentID.data, facts.kind.rawValue,
            facts.isGiven ? "given" : "shared_content", facts.share,
        ])
    }

    /// The rows of a version's ancestors, in order; `nil` for those that are not in the registry.
    static func rows(_ db: Database, version: Int64) throws -> [Int64?] {
        try Row.fetchAll(
            db.cachedStatement(sql: "SELECT ancestor FROM lineage WHERE version = ? ORDER BY ordinal"),
            arguments: [version]
        ).map { try $0.optional("ancestor") }
    }

    /// Finds ancestors that were not here before, by content id.
    static func relink(_ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE lineage SET ancestor = (
                  SELECT id FROM version WHERE content_id = ancestor_content_id AND deleted_at IS NULL
                  ORDER BY id LIMIT 1)
                WHERE ancestor IS NULL
                """)
    }

    static func ancestors(_ db: Database, _ version: Int64) throws -> [Ancestor] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT ancestor_name, ancestor_content_id, lineage.kind, found, share,
                           ancestor.deleted_at IS NULL AND ancestor.id IS NOT NULL AS is_present,
                           model.name || ':v' || ancestor.number AS reference
                    FROM lineage LEFT JOIN version AS ancestor ON ancestor.id = lineage.ancestor
                    LEFT JOIN model ON model.id = ancestor.model
                    WHERE lineage.version = ? ORDER BY ordinal
                    """), arguments: [version])
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
