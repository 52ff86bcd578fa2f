import ChunkStore
import Foundations
import GRDB
import OrderedCollections
import Remotes

extension RunFacts {
    /// What the rows of a run say, but for the values of its metrics and its attachments.
    ///
    /// - Returns: `nil` where there is no such run.
    /// - Throws: ``RegistryError/Damage``.
    init?(row id: Int64, _ db: Database) throws {
        let columns = RunTable.columns
        guard let row = try Row.fetchOne(db, sql: "SELECT \(columns) FROM run WHERE id = ?", arguments: [id]),
            let origin = try RunOrigin(row: id, db)
        else { return nil }
        self.init(
            origin: origin, state: try row.value("state"), endedAt: try row.optional("ended_at"),
            wallSeconds: try row.value("wall_seconds"), boot: try row.optional("boot"),
            bootSeconds: try row.optional("boot_seconds"), process: try row.optional("process"),
            heardAt: try row.value("heard_at"),
            parent: try row.optional("parent").flatMap { try RunOrigin(row: $0, db) },
            environment: try EnvironmentTable.environment(db, try row.optional("environment")).map {
                VersionFacts.Environment($0)
            },
            settings: try RunTable.attributes(db, id).map { Setting(key: $0.key, json: $0.value.json) },
            attachments: [],
            notes: try NoteTable.notes(db, run: id).map { VersionFacts.Note($0) })
    }

    /// Inserts a run as a remote has it into a registry that is gone afterwards.
    ///
    /// - Parameter parent: The row of the run that it went on from.
    /// - Returns: Its row.
    /// - Throws: ``RegistryError``.
    func insert(parent: Int64?, remote: String, _ db: Database) throws -> Int64 {
        let modelID = try origin.model.map { model in
            try Names.checkModel(model)
            return try ModelTable.findOrInsert(db, model, at: origin.startedAt)
        }
        guard RunState(rawValue: state) != nil, wallSeconds.isFinite, wallSeconds >= 0,
            Set(settings.map(\.key)).count == settings.count,
            settings.allSatisfy({ (try? AttributeValue(json: $0.json)) != nil })
        else { throw RemoteError.damaged(remote, problem: "a run with impossible facts") }
        let row = try RunTable.insert(
            RunTable.NewRow(
                model: modelID, name: origin.name, state: state, startedAt: origin.startedAt, endedAt: endedAt,
                wallSeconds: wallSeconds, boot: boot, bootSeconds: bootSeconds, process: process,
                environment: try environment.map { try EnvironmentTable.findOrInsert(db, RunEnvironment($0)) },
                parent: parent, heardAt: heardAt), db)
        var attributes: Attributes = [:]
        for setting in settings { attributes[setting.key] = AttributeValue(trusted: setting.json) }
        try RunTable.set(db, row, attributes)
        try NoteTable.add(try notes.map { try Note($0, from: remote) }, run: row, db)
        return row
    }
}

extension RunOrigin {
    /// That of a row; `nil` where there is none.
    init?(row id: Int64, _ db: Database) throws {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT run.name, run.started_at, model.name AS model_name
                    FROM run LEFT JOIN model ON model.id = run.model WHERE run.id = ?
                    """), arguments: [id])
        guard let row else { return nil }
        self.init(
            model: try row.optional("model_name"), name: try row.value("name"),
            startedAt: try row.value("started_at"))
    }
}
