import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// Brings aliases of another registry in.
struct AliasImporter {
    private let aliases: [Alias]
    private let options: MergeOptions

    /// Reads the aliases of the selected models.
    init(_ source: MergeSource, _ selection: MergeSelection, _ options: MergeOptions) throws {
        self.options = options
        aliases = try source.read { theirs in try AliasImporter.aliases(theirs, selection) }
    }

    private struct Alias {
        let name: String
        let model: String
        let version: Int64
        let reference: String
        let isProtected: Bool
        let isPinned: Bool
    }

    private static func aliases(_ theirs: Database, _ selection: MergeSelection) throws -> [Alias] {
        try selection.models.flatMap { model in
            let rows = try Row.fetchAll(
                theirs,
                sql: """
                    SELECT alias.name, alias.version, version.number, is_protected, is_pinned
                    FROM alias JOIN version ON version.id = alias.version
                    WHERE alias.model = ? AND version.model = alias.model ORDER BY alias.name
                    """,
                arguments: [model.rowID])
            return try rows.map { row in
                let name: String = try row.value("name")
                guard (try? Names.checkAlias(name)) != nil else {
                    throw RegistryError.Damage(problem: "an alias has an invalid name")
                }
                return Alias(
                    name: name, model: model.name, version: try row.value("version"),
                    reference: "\(model.name):v\(try row.value("number", as: Int.self))",
                    isProtected: try row.value("is_protected", as: Int.self) == 1,
                    isPinned: try row.value("is_pinned", as: Int.self) == 1)
            }
        }
    }

    /// The version that an alias names here.
    private func current(_ alias: Alias, _ db: Database) throws -> (id: Int64, number: Int, isProtected: Bool)?
    {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT version.id, version.number, is_protected FROM alias
                JOIN version ON version.id = alias.version JOIN model ON model.id = alias.model
                WHERE model.name = ? AND alias.name = ?
                """,
            arguments: [alias.model, alias.name])
        return try row.map {
            (try $0.value("id"), try $0.value("number"), try $0.value("is_protected", as: Int.self) == 1)
        }
    }

    /// Sets aliases on the versions that came in or were here.
    func insert(_ map: VersionMap, _ db: Database, _ report: inout MergeReport)
        throws
    {
        for alias in aliases {
            guard let id = map[alias.version] else { continue }
            let number = try Int.fetchOne(
                db, sql: "SELECT number FROM version WHERE id = ? AND deleted_at IS NULL", arguments: [id])
            guard let number else { continue }
            let now = Timestamp.now()
            let current = try current(alias, db)
            if let current, current.id == id { continue }
            let modelID = try VersionTable.modelID(db, alias.model)
            let moves = current == nil || options.prefersTheirs && current?.isProtected == false
            if let current {
                report.conflicts.append(
                    MergeReport.Conflict(
                        alias: "\(alias.model):\(alias.name)", ours: "\(alias.model):v\(current.number)",
                        theirs: "\(alias.model):v\(number)", isTheirs: moves))
            } else {
                report.aliases.append("\(alias.model):\(alias.name)")
            }
            guard moves else { continue }
            try AliasTable.set(
                db, alias.name, modelID: modelID, model: alias.model, versionID: id, number: number, at: now,
                isPinned: alias.isPinned)
            if alias.isProtected {
                _ = try AliasTable.protect(
                    db, alias.name, modelID: modelID, model: alias.model, isProtected: true, at: now)
            }
        }
    }

    /// What ``insert(_:_:_:)`` would do before the versions are here.
    func rehearse(_ map: VersionMap, _ db: Database, _ report: inout MergeReport)
        throws
    {
        let names = Dictionary(report.added.map { ($0.theirs, $0.ours) }) { first, _ in first }
        for alias in aliases {
            let mapped = map[alias.version]
            guard mapped != nil || names[alias.reference] != nil else { continue }
            guard let current = try current(alias, db) else {
                report.aliases.append("\(alias.model):\(alias.name)")
                continue
            }
            if current.id == mapped { continue }
            let theirs =
                try mapped.flatMap {
                    try Int.fetchOne(db, sql: "SELECT number FROM version WHERE id = ?", arguments: [$0])
                }
                .map { "\(alias.model):v\($0)" } ?? names[alias.reference] ?? alias.reference
            report.conflicts.append(
                MergeReport.Conflict(
                    alias: "\(alias.model):\(alias.name)", ours: "\(alias.model):v\(current.number)",
                    theirs: theirs,
                    isTheirs: options.prefersTheirs && !current.isProtected))
        }
    }
}
