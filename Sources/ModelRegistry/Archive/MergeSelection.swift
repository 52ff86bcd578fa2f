import Checkpoints
import Foundations
import GRDB

/// What of a registry is to be merged into another.
struct MergeSelection {
    struct Model {
        let rowID: Int64
        let name: String
        let nextNumber: Int
        let createdAt: String
    }

    /// Models with names that are some.
    private(set) var models: [Model] = []
    /// Living versions, by model and number.
    private(set) var versions: [Version] = []
    /// Whether everything is wanted, runs of no model too.
    let isWhole: Bool

    /// - Throws: ``RegistryError`` for a model or version that there is not, ``RegistryError/Damage``.
    init(_ theirs: Database, _ options: MergeOptions) throws {
        isWhole = options.models == nil && options.versions == nil
        let all = try Row.fetchAll(
            theirs, sql: "SELECT id, name, next_number, created_at FROM model ORDER BY name"
        )
        .map { row in
            Model(
                rowID: try row.value("id"), name: try row.value("name"),
                nextNumber: try row.value("next_number"), createdAt: try row.value("created_at"))
        }
        for name in options.models ?? [] { _ = try VersionTable.modelID(theirs, name) }
        let wanted = try (options.versions ?? []).map { text in
            try VersionTable.resolve(theirs, VersionReference(text), text: text)
        }
        for model in all {
            let isWanted = isWhole || options.models?.contains(model.name) == true
            let single = wanted.filter { $0.model == model.name }
            guard isWanted || !single.isEmpty else { continue }
            guard (try? Names.checkModel(model.name)) != nil else {
                throw RegistryError.Damage(problem: "a model has an impossible name")
            }
            models.append(model)
            let versions =
                isWanted
                ? try VersionTable.fetch(
                    theirs, where: "version.model = ? AND version.deleted_at IS NULL", arguments: [model.rowID])
                : single
            var seen: Set<Int64> = []
            self.versions += versions.sorted { $0.number < $1.number }.filter { seen.insert($0.rowID).inserted }
        }
        for version in versions {
            guard Timestamp.isValid(version.createdAt), version.number >= 1, version.number < 1 << 53 else {
                throw RegistryError.Damage(
                    version: version.reference, problem: "its number or time is impossible")
            }
        }
    }
}

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
                find, arguments: [version.contentID.data, version.createdAt, version.model])
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
