import Checkpoints
import ChunkStore
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

    /// The selected models; names are validated.
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
            guard version.number >= 1, version.number < 1 << 53 else {
                throw RegistryError.Damage(
                    version: version.reference, problem: "its number is impossible")
            }
        }
    }
}
