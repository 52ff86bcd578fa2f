import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// Finding and reading versions.
enum VersionTable {
    /// The version that a reference names.
    ///
    /// - Throws: ``RegistryError`` that says what there is instead.
    static func resolve(_ db: Database, _ reference: VersionReference, text: String) throws -> Version {
        let modelID = try modelID(db, reference.model)
        let latest = try Int.fetchOne(
            db, sql: "SELECT max(number) FROM version WHERE model = ? AND deleted_at IS NULL",
            arguments: [modelID])
        guard let latest else { throw RegistryError.noVersions(model: reference.model) }
        let number: Int
        switch reference.selector {
        case .latest: number = latest
        case .number(let wanted): number = wanted
        case .alias(let name):
            let found = try Int.fetchOne(
                db,
                sql: "SELECT number FROM alias JOIN version ON version.id = alias.version "
                    + "WHERE alias.model = ? AND alias.name = ?",
                arguments: [modelID, name])
            guard let found else {
                let names = try String.fetchAll(
                    db, sql: "SELECT name FROM alias WHERE model = ? ORDER BY name", arguments: [modelID])
                throw RegistryError.noAlias(
                    model: reference.model, alias: name,
                    suggestion: Suggestion.closest(to: name, among: names + ["latest"]))
            }
            number = found
        }
        var rowID = try Int64.fetchOne(
            db, sql: "SELECT id FROM version WHERE model = ? AND number = ? AND deleted_at IS NULL",
            arguments: [modelID, number])
        guard rowID != nil else {
            throw RegistryError.noVersion(model: reference.model, number: number, latest: latest)
        }
        if reference.stepsBack > 0 {
            rowID = try Int64.fetchOne(
                db,
                sql: """
                    SELECT id FROM version WHERE model = ? AND number < ? AND deleted_at IS NULL
                    ORDER BY number DESC LIMIT 1 OFFSET ?
                    """,
                arguments: [modelID, number, reference.stepsBack - 1])
        }
        guard let rowID else { throw RegistryError.noEarlierVersion(reference: text) }
        let version = try version(db, rowID: rowID)
        // The index has found it, and the table says what it is.
        let isRight = reference.stepsBack > 0 ? version.number < number : version.number == number
        guard version.model == reference.model, isRight else {
            throw RegistryError.Damage(version: text, problem: "the index of versions does not match its table")
        }
        if let prefix = reference.contentPrefix, !version.contentID.hex.hasPrefix(prefix) {
            throw RegistryError.contentMismatch(reference: text, found: version.contentID)
        }
        return version
    }

    /// The row of the model called `name`.
    ///
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    static func modelID(_ db: Database, _ name: String) throws -> Int64 {
        if let id = try db.row(in: "model", where: "name", is: name) { return id }
        let names = try String.fetchAll(db, sql: "SELECT name FROM model ORDER BY name LIMIT 10000")
        throw RegistryError.noModel(name, suggestion: Suggestion.closest(to: name, among: names))
    }

    /// Checks that a version that was looked up before is still there.
    ///
    /// - Throws: ``RegistryError/deletedMeanwhile(version:)``.
    static func requirePresent(_ version: Version, _ db: Database) throws {
        let find = try db.cachedStatement(sql: "SELECT 1 FROM version WHERE id = ? AND content_id = ?")
        guard try Bool.fetchOne(find, arguments: [version.rowID, version.contentID.data]) == true else {
            throw RegistryError.deletedMeanwhile(version: version.reference)
        }
    }

    /// The living version of a model that has a number.
    static func version(_ db: Database, _ model: String, number: Int) throws -> Version {
        let versions = try fetch(
            db, where: "model.name = ? AND version.number = ? AND version.deleted_at IS NULL",
            arguments: [model, number])
        guard let version = versions.first else {
            throw RegistryError.Damage(problem: "the row of \(model):v\(number) is missing")
        }
        return version
    }

    /// The version in a row.
    static func version(_ db: Database, rowID: Int64) throws -> Version {
        let versions = try fetch(db, where: "version.id = ?", arguments: [rowID])
        guard let version = versions.first else {
            throw RegistryError.Damage(problem: "a version's row is missing")
        }
        return version
    }

    /// The versions that a condition holds for, latest first.
    ///
    /// - Complexity: O(versions returned).
    static func fetch(
        _ db: Database, where condition: String, arguments: StatementArguments, limit: Int? = nil
    ) throws -> [Version] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT version.id, version.number, version.content_id, version.kind, version.message,
                       version.tensor_count, version.byte_count, version.created_at, version.step, model.name,
                       run.name AS run_name, run_model.name AS run_model_name,
                       parent.number AS parent_number, parent_model.name AS parent_name,
                       (SELECT count(*) FROM dropped_parameter WHERE dropped_parameter.version = version.id) AS dropped
                FROM version JOIN model ON model.id = version.model
                LEFT JOIN run ON run.id = version.run
                LEFT JOIN model AS run_model ON run_model.id = run.model
                LEFT JOIN version AS parent ON parent.id = version.parent
                LEFT JOIN model AS parent_model ON parent_model.id = parent.model
                WHERE \(condition) ORDER BY model.name, version.number DESC LIMIT \(limit ?? -1)
                """,
            arguments: arguments)
        // One query for all versions: a model may have thousands.
        let chosen = subselect(where: condition, limit: limit)
        var aliases: [Int64: [String]] = [:]
        for alias in try Row.fetchAll(
            db, sql: "SELECT version, name FROM alias WHERE version IN (\(chosen)) ORDER BY name",
            arguments: arguments)
        {
            aliases[try alias.value("version"), default: []].append(try alias.value("name"))
        }
        var metrics: [Int64: [String: Double]] = [:]
        let values = try Row.fetchCursor(
            db,
            sql: """
                SELECT version, name, value FROM metric WHERE version IN (\(chosen))
                """,
            arguments: arguments)
        while let metric = try values.next() {
            metrics[try metric.value("version"), default: [:]][try metric.value("name")] =
                try metric.optional("value") ?? .nan
        }
        return try rows.map { row in
            let id: Int64 = try row.value("id")
            let kindText: String = try row.value("kind")
            guard let kind = CheckpointKind(rawValue: kindText) else {
                throw RegistryError.Damage(problem: "a version is of the unknown kind \"\(kindText)\"")
            }
            let model: String = try row.value("name")
            let parentName: String? = try row.optional("parent_name")
            let parentNumber: Int? = try row.optional("parent_number")
            let runName: String? = try row.optional("run_name")
            let runModel: String? = try row.optional("run_model_name")
            return Version(
                model: model, number: try row.value("number"), contentID: try row.contentID("content_id"),
                parent: parentName.flatMap { name in parentNumber.map { "\(name):v\($0)" } }, kind: kind,
                message: try row.value("message"), tensorCount: try row.value("tensor_count"),
                byteCount: try row.value("byte_count"), createdAt: try row.time("created_at"),
                aliases: aliases[id] ?? [],
                run: runName.map { RunInfo.reference(model: runModel, name: $0) },
                step: try row.optional("step"), metrics: metrics[id] ?? [:],
                droppedTensorCount: try row.value("dropped"), rowID: id)
        }
    }

    /// A row to insert.
    struct NewRow {
        let modelID: Int64
        let number: Int
        let parent: Int64?
        let message: String
        let createdAt: String
        let run: Int64?
        let step: Int?
        let environment: Int64?
    }

    /// What a row says of a version's weights.
    struct Summary: Sendable {
        let contentID: ContentID
        let kind: CheckpointKind
        let tensorCount: Int
        let byteCount: Int
    }

    /// Inserts the row of a version.
    ///
    /// - Parameter structure: Its row.
    /// - Returns: The version's row.
    static func insert(_ new: NewRow, _ summary: Summary, structure: Int64, _ db: Database) throws -> Int64 {
        try db.cachedStatement(
            sql: """
                INSERT INTO version
                  (model, number, content_id, parent, structure, kind, message, tensor_count, byte_count, created_at,
                   run, step, environment)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            new.modelID, new.number, summary.contentID.data, new.parent, structure, summary.kind.rawValue,
            new.message.storable, summary.tensorCount, summary.byteCount,
            new.createdAt, new.run, new.step, new.environment,
        ])
        return db.lastInsertedRowID
    }

    /// The ids of the versions that ``fetch(_:where:arguments:limit:)`` gives.
    static func subselect(where condition: String, limit: Int?) -> String {
        // Without a limit there is nothing to sort for.
        """
        SELECT version.id FROM version JOIN model ON model.id = version.model WHERE \(condition)
        """ + (limit.map { " ORDER BY model.name, version.number DESC LIMIT \($0)" } ?? "")
    }
}

extension VersionTable.Summary {
    /// That of a manifest.
    ///
    /// - Parameter contentID: That of `manifest`, which takes time to find.
    init(_ manifest: Manifest, contentID: ContentID) {
        self.init(
            contentID: contentID, kind: manifest.structure.kind, tensorCount: manifest.tensorCount,
            byteCount: manifest.byteCount)
    }
}
