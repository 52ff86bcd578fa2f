import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// Which version here is which there.
struct VersionMap {
    /// Rows here by rows there.
    private(set) var rows: [Int64: Int64] = [:]

    subscript(theirs: Int64) -> Int64? {
        get { rows[theirs] }
        set { rows[theirs] = newValue }
    }

    /// Notes the versions that are here already, deleted ones included: what was deleted here does not come back.
    ///
    /// - Returns: The others.
    mutating func match(_ versions: [Version], _ db: Database) throws -> [Version] {
        let find = try db.cachedStatement(
            sql: """
                SELECT version.id FROM version JOIN model ON model.id = version.model
                WHERE content_id = ? AND version.created_at = ? AND model.name = ? ORDER BY version.id LIMIT 1
                """)
        var new: [Version] = []
        for version in versions {
            let row = try Int64.fetchOne(
                find,
                arguments: [version.contentID.data, Timestamp.text(version.createdAt), version.model])
            rows[version.rowID] = row
            if row == nil { new.append(version) }
        }
        return new
    }

    /// What versions would be called.
    func rehearse(_ versions: [Version], _ db: Database) throws -> [MergeReport.Added] {
        var next: [String: Int] = [:]
        return try versions.map { version in
            let stored =
                try Int.fetchOne(
                    db, sql: "SELECT next_number FROM model WHERE name = ?", arguments: [version.model])
                ?? 1
            let number = max(next[version.model] ?? stored, version.number)
            next[version.model] = number + 1
            return MergeReport.Added(theirs: version.reference, ours: "\(version.model):v\(number)")
        }
    }
}
