import Checkpoints
import ChunkStore
import Foundations
import GRDB
import OrderedCollections

/// Brings runs of another registry in.
struct RunImporter {
    private let source: MergeSource
    private let options: MergeOptions

    /// Values of metrics in one transaction.
    private static let valueCountAtOnce = 50_000

    init(_ source: MergeSource, _ options: MergeOptions) {
        self.source = source
        self.options = options
    }

    private struct Source {
        let rowID: Int64
        let model: String?
        let name: String
        let row: Row
        let startedAt: String
        let heardAt: String
    }

    /// The runs of the models, parents first; of single versions, those that saved them.
    private func runs(_ selection: MergeSelection) throws -> [Source] {
        try source.read { theirs in try runs(selection, theirs) }
    }

    private func runs(_ selection: MergeSelection, _ theirs: Database) throws -> [Source] {
        let models = Dictionary(selection.models.map { ($0.rowID, $0.name) }) { first, _ in first }
        let rows = try Row.fetchAll(
            theirs.cachedStatement(sql: "SELECT \(RunTable.columns) FROM run ORDER BY id"))
        let single =
            options.versions == nil
            ? nil
            : Set(
                try selection.versions.compactMap {
                    try Int64.fetchOne(
                        theirs.cachedStatement(sql: "SELECT run FROM version WHERE id = ?"),
                        arguments: [$0.rowID])
                })
        return try rows.compactMap { row in
            let id: Int64 = try row.value("id")
            let model: Int64? = try row.optional("model")
            let isWanted =
                selection.isWhole || single?.contains(id) == true
                || model.flatMap { models[$0] }.map { options.models?.contains($0) == true } == true
            guard isWanted else { return nil }
            try RunTable.requirePossible(row)
            return Source(
                rowID: id, model: model.flatMap { models[$0] }, name: try row.value("name"), row: row,
                startedAt: try row.value("started_at"), heardAt: try row.value("heard_at"))
        }
    }

    /// The same run here: of the model, with this beginning, and this name or one that a merge made of it.
    static func find(name: String, startedAt: String, modelID: Int64?, _ db: Database) throws -> Row? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT id, heard_at FROM run WHERE ifnull(model, 0) = ifnull(?1, 0) AND started_at = ?2
                      AND (name = ?3 OR name GLOB ?3 || '-[0-9]*') ORDER BY name <> ?3, id LIMIT 1
                    """), arguments: [modelID, startedAt, name])
    }

    /// Brings runs in with all that belongs to them.
    ///
    /// - Returns: Rows here by rows there.
    func copy(_ selection: MergeSelection, into ours: Registry, _ report: inout MergeReport) throws -> [Int64:
        Int64]
    {
        var map: [Int64: Int64] = [:]
        for run in try runs(selection) {
            let values = try source.read { theirs in try Values(theirs, run) }
            let (id, addedName, theirsWins) = try ours.write { db in try insert(run, values, map, db) }
            map[run.rowID] = id
            if let addedName { RunImporter.note(run, as: addedName, &report) }
            try copyMetrics(of: run, to: id, replaces: theirsWins, ours)
        }
        return map
    }

    private static func note(_ run: Source, as name: String, _ report: inout MergeReport) {
        report.addedRuns.append(name)
        let theirs = RunInfo.reference(model: run.model, name: run.name)
        if theirs != name { report.renamedRuns.append(MergeReport.Added(theirs: theirs, ours: name)) }
    }

    /// - Returns: The row; the new name where it was not here; whether what is said there is newer.
    private func insert(
        _ run: Source, _ values: Values, _ map: [Int64: Int64], _ db: Database
    ) throws -> (Int64, String?, Bool) {
        let modelID = try run.model.map { try ModelTable.findOrInsert(db, $0, at: run.startedAt) }
        let environmentID = try values.environment.map { try EnvironmentTable.findOrInsert(db, $0) }
        let id: Int64
        var added: String?
        var theirsWins = true
        if let known = try RunImporter.find(
            name: run.name, startedAt: run.startedAt, modelID: modelID, db)
        {
            id = try known.value("id")
            theirsWins = run.heardAt > (try known.value("heard_at"))
            if theirsWins {
                try db.cachedStatement(
                    sql: """
                        UPDATE run SET state = ?, ended_at = ?, wall_seconds = ?, boot = ?, boot_seconds = ?, process = ?,
                          environment = ?, heard_at = ? WHERE id = ?
                        """
                ).execute(arguments: [
                    values.state, values.endedAt, values.wallSeconds, values.boot, values.bootSeconds,
                    values.process, environmentID, run.heardAt, id,
                ])
            }
        } else {
            let name = try freeName(run.name, modelID, db)
            id = try RunTable.insert(
                RunTable.NewRow(
                    model: modelID, name: name, state: values.state, startedAt: run.startedAt,
                    endedAt: values.endedAt, wallSeconds: values.wallSeconds, boot: values.boot,
                    bootSeconds: values.bootSeconds, process: values.process, environment: environmentID,
                    parent: values.parent.flatMap { map[$0] }, heardAt: run.heardAt), db)
            added = RunInfo.reference(model: run.model, name: name)
        }
        var attributes = values.attributes
        if !theirsWins {
            let known = try RunTable.attributes(db, id)
            attributes.removeAll { known[$0.key] != nil }
        }
        try RunTable.set(db, id, attributes)
        try NoteTable.add(values.notes, run: id, db)
        for (name, content) in values.attachments {
            try AttachmentTable.insert(name, content, to: .run(id, replaces: theirsWins), db)
        }
        return (id, added, theirsWins)
    }

    /// All that belongs to a run but its metrics.
    private struct Values {
        let state: String
        let endedAt: String?
        let wallSeconds: Double
        let boot: String?
        let bootSeconds: Double?
        let process: String?
        let parent: Int64?
        let environment: RunEnvironment?
        let attributes: Attributes
        let notes: [Note]
        let attachments: [(name: String, content: AttachmentTable.Content)]

        /// - Throws: ``RegistryError/Damage``.
        init(_ theirs: Database, _ run: Source) throws {
            let row = run.row
            state = try row.value("state")
            endedAt = try row.optional("ended_at")
            wallSeconds = try row.value("wall_seconds")
            boot = try row.optional("boot")
            bootSeconds = try row.optional("boot_seconds")
            process = try row.optional("process")
            parent = try row.optional("parent")
            environment = try EnvironmentTable.environment(theirs, try row.optional("environment"))
            attributes = try RunTable.attributes(theirs, run.rowID)
            for (_, value) in attributes {
                let isJSON = try Bool.fetchOne(
                    theirs.cachedStatement(sql: "SELECT json_valid(?)"), arguments: [value.json])
                guard isJSON == true else {
                    throw RegistryError.Damage(problem: "a setting of run \(quoted(run.name)) is not JSON")
                }
            }
            notes = try NoteTable.notes(theirs, run: run.rowID)
            attachments = try AttachmentTable.contents(theirs, run: run.rowID)
        }
    }

    private func freeName(_ name: String, _ modelID: Int64?, _ db: Database) throws -> String {
        var candidate = name
        var number = 1
        while try Bool.fetchOne(
            db.cachedStatement(sql: "SELECT 1 FROM run WHERE ifnull(model, 0) = ifnull(?, 0) AND name = ?"),
            arguments: [modelID, candidate]) == true
        {
            number += 1
            candidate = "\(name.prefix(110))-\(number)"
        }
        return candidate
    }

    private func copyMetrics(of run: Source, to id: Int64, replaces: Bool, _ ours: Registry) throws {
        var last: LoggedMetric?
        while true {
            let values = try source.read { theirs in
                try RunTable.metrics(theirs, run.rowID, after: last, limit: RunImporter.valueCountAtOnce)
            }
            guard let end = values.last else { return }
            try ours.write { db in try RunTable.insert(db, id, values, replaces: replaces) }
            last = end
        }
    }

    /// The names that runs would come in under.
    func rehearse(_ selection: MergeSelection, _ ours: Registry, _ report: inout MergeReport) throws {
        let runs = try runs(selection)
        try ours.read { db in try rehearse(runs, db, &report) }
    }

    private func rehearse(_ runs: [Source], _ db: Database, _ report: inout MergeReport) throws {
        var taken: Set<String> = []
        for run in runs {
            let modelID =
                try run.model.flatMap {
                    try Int64.fetchOne(
                        db.cachedStatement(sql: "SELECT id FROM model WHERE name = ?"), arguments: [$0])
                }
            if run.model == nil || modelID != nil,
                try RunImporter.find(name: run.name, startedAt: run.startedAt, modelID: modelID, db) != nil
            {
                continue
            }
            var name = run.model == nil || modelID != nil ? try freeName(run.name, modelID, db) : run.name
            while !taken.insert(RunInfo.reference(model: run.model, name: name)).inserted { name += "-2" }
            RunImporter.note(run, as: RunInfo.reference(model: run.model, name: name), &report)
        }
    }
}
