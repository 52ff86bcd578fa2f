import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import OrderedCollections

/// Finding and reading runs.
enum RunTable {
    /// All columns.
    static let columns =
        [
            "id", "model", "name", "state", "started_at", "ended_at", "wall_seconds", "boot", "boot_seconds",
            "process", "environment", "parent", "heard_at",
        ].map { "run.\($0)" }.joined(separator: ", ")

    /// The run that `text` names.
    ///
    /// - Parameter model: The model to look in first, then among runs of no model; `nil`: `text` may be
    ///   `model/name`, or the name alone where no two models have such a run.
    /// - Throws: ``RegistryError/noRun(_:suggestion:)``, ``RegistryError/ambiguousRun(_:candidates:)``.
    static func resolve(_ db: Database, _ text: String, model: String? = nil) throws -> RunID {
        let find = "SELECT run.id FROM run LEFT JOIN model ON model.id = run.model WHERE "
        if let model {
            let id = try Int64.fetchOne(
                db,
                sql: find
                    + "run.name = ?1 AND (model.name = ?2 OR run.model IS NULL) ORDER BY run.model IS NULL",
                arguments: [text, model])
            if let id { return try found(db, id, name: text) }
        }
        if let slash = text.lastIndex(of: "/") {
            let name = String(text[text.index(after: slash)...])
            let id = try Int64.fetchOne(
                db, sql: find + "model.name = ? AND run.name = ?",
                arguments: [String(text[..<slash]), name])
            if let id { return try found(db, id, name: name) }
        } else if model == nil {
            let rows = try Row.fetchAll(
                db,
                sql: "SELECT run.id, model.name AS model FROM run LEFT JOIN model ON model.id = run.model "
                    + "WHERE run.name = ? ORDER BY run.model IS NOT NULL, model.name",
                arguments: [text])
            let isOwn = try rows.first?.optional("model", as: String.self) == nil
            if rows.count > 1, !isOwn {
                throw RegistryError.ambiguousRun(
                    text,
                    candidates: try rows.map { RunInfo.reference(model: try $0.optional("model"), name: text) })
            }
            if let id: Int64 = try rows.first?.value("id") { return try found(db, id, name: text) }
        }
        let names = try Row.fetchAll(
            db,
            sql: "SELECT run.name, model.name AS model FROM run LEFT JOIN model ON model.id = run.model "
                + "WHERE ?1 IS NULL OR model.name = ?1 ORDER BY run.id DESC LIMIT 1000",
            arguments: [model])
        var candidates: [String] = []
        for row in names {
            let name: String = try row.value("name")
            candidates.append(name)
            candidates.append(RunInfo.reference(model: try row.optional("model"), name: name))
        }
        throw RegistryError.noRun(
            model.map { RunInfo.reference(model: $0, name: text) } ?? text,
            suggestion: Suggestion.closest(to: text, among: candidates))
    }

    /// The run that an index has found, once the table says that it is the right one.
    private static func found(_ db: Database, _ id: Int64, name: String) throws -> RunID {
        guard try String.fetchOne(db, sql: "SELECT name FROM run WHERE id = ?", arguments: [id]) == name else {
            throw RegistryError.Damage(problem: "the index of runs does not match its table")
        }
        return RunID(rowID: id)
    }

    /// The runs that a condition holds for, latest first.
    ///
    /// - Complexity: O(runs · metrics of each · log n): metrics' last values are looked up, not read through.
    static func fetch(_ db: Database, where condition: String = "1", arguments: StatementArguments = []) throws
        -> [RunInfo]
    {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT \(columns), model.name AS model_name, environment.host, parent.name AS parent_name,
                       parent_model.name AS parent_model_name, (
                         SELECT count(*) FROM version WHERE version.run = run.id AND version.deleted_at IS NULL
                       ) AS version_count
                FROM run LEFT JOIN model ON model.id = run.model
                LEFT JOIN environment ON environment.id = run.environment
                LEFT JOIN run AS parent ON parent.id = run.parent
                LEFT JOIN model AS parent_model ON parent_model.id = parent.model
                WHERE \(condition) ORDER BY run.started_at DESC, run.id DESC
                """,
            arguments: arguments)
        return try rows.map { try info(db, $0) }
    }

    /// What is known of a run.
    ///
    /// - Throws: ``RegistryError/noRun(_:suggestion:)`` where it has been deleted.
    static func info(_ db: Database, _ id: RunID) throws -> RunInfo {
        guard let info = try fetch(db, where: "run.id = ?", arguments: [id.rowID]).first else {
            throw RegistryError.noRun("number \(id.rowID)", suggestion: nil)
        }
        return info
    }

    private static func info(_ db: Database, _ row: Row) throws -> RunInfo {
        let id: Int64 = try row.value("id")
        let last = try lastValues(db, id)
        let parentName: String? = try row.optional("parent_name")
        let parentModel: String? = try row.optional("parent_model_name")
        return RunInfo(
            id: RunID(rowID: id), model: try row.optional("model_name"), name: try row.value("name"),
            state: try state(row), startedAt: try row.time("started_at"),
            endedAt: try row.optionalTime("ended_at"),
            wallSeconds: try row.value("wall_seconds"),
            parent: parentName.map { RunInfo.reference(model: parentModel, name: $0) },
            attributes: try attributes(db, id), metrics: last.values, lastStep: last.step,
            versionCount: try row.value("version_count"))
    }

    /// The state in a row of `run` with the `host` of its environment. A process that has gone is seen from its
    /// own machine only.
    static func state(_ row: Row) throws -> RunState {
        let text: String = try row.value("state")
        guard let said = RunState(rawValue: text) else {
            throw RegistryError.Damage(problem: "a run is in the unknown state \"\(text)\"")
        }
        guard said == .running, let process = try row.optional("process", as: String.self) else { return said }
        guard try row.optional("boot", as: String.self) == MachineClock.boot else {
            // The same machine, started again since.
            return try row.optional("host", as: String.self) == CurrentUser.host() ? .killed : said
        }
        return ProcessIdentity(process)?.isRunning == false ? .killed : said
    }

    /// Checks a row of another file.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func requirePossible(_ row: Row) throws {
        let endedAt: String? = try row.optional("ended_at")
        guard (try? Names.checkRun(try row.value("name"))) != nil,
            Timestamp.isValid(try row.value("started_at")), Timestamp.isValid(try row.value("heard_at")),
            endedAt.map(Timestamp.isValid) != false, try row.value("wall_seconds", as: Double.self) >= 0,
            RunState(rawValue: try row.value("state")) != nil
        else { throw RegistryError.Damage(problem: "a run's row is impossible") }
    }

    static func attributes(_ db: Database, _ run: Int64) throws -> Attributes {
        let rows = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT key, value FROM run_attribute WHERE run = ? ORDER BY ordinal, key"),
            arguments: [run])
        var attributes: Attributes = [:]
        for row in rows { attributes[try row.value("key")] = AttributeValue(trusted: try row.value("value")) }
        return attributes
    }

    /// Names of a run's metrics. Jumps from name to name in the key, whatever lies between.
    static func metricNames(_ db: Database, _ run: Int64) throws -> [String] {
        let next = try db.cachedStatement(
            sql: "SELECT name FROM run_metric WHERE run = ? AND name > ? ORDER BY name LIMIT 1")
        var names: [String] = []
        while let name = try String.fetchOne(next, arguments: [run, names.last ?? ""]) { names.append(name) }
        return names
    }

    private static func lastValues(_ db: Database, _ run: Int64) throws -> (
        values: [String: Double], step: Int?
    ) {
        // From name to name in the key, and to the last step of each, whatever lies between: one statement for each run.
        let last = try db.cachedStatement(
            sql: """
                WITH RECURSIVE metric (name) AS (
                  SELECT min(name) FROM run_metric WHERE run = ?1
                  UNION ALL
                  SELECT (SELECT min(name) FROM run_metric WHERE run = ?1 AND name > metric.name)
                  FROM metric WHERE metric.name IS NOT NULL)
                SELECT last.name, last.step, last.value FROM metric CROSS JOIN run_metric AS last
                  ON last.run = ?1 AND last.name = metric.name AND last.step = (
                    SELECT max(step) FROM run_metric WHERE run = ?1 AND run_metric.name = metric.name)
                """)
        var values: [String: Double] = [:]
        var step: Int?
        let rows = try Row.fetchCursor(last, arguments: [run])
        while let row = try rows.next() {
            values[try row.value("name")] = try row.optional("value") ?? .nan
            step = max(step ?? 0, try row.value("step"))
        }
        return (values, step)
    }

    /// A row to insert.
    struct NewRow {
        let model: Int64?
        let name: String
        var state = RunState.running.rawValue
        let startedAt: String
        var endedAt: String?
        var wallSeconds = 0.0
        let boot: String?
        let bootSeconds: Double?
        let process: String?
        let environment: Int64?
        let parent: Int64?
        let heardAt: String
    }

    /// Inserts a run.
    ///
    /// - Returns: Its row.
    static func insert(_ new: NewRow, _ db: Database) throws -> Int64 {
        try db.execute(
            sql: """
                INSERT INTO run
                  (model, name, state, started_at, ended_at, wall_seconds, boot, boot_seconds, process, environment,
                   parent, heard_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                new.model, new.name, new.state, new.startedAt, new.endedAt, new.wallSeconds, new.boot,
                new.bootSeconds, new.process, new.environment, new.parent, new.heardAt,
            ])
        return db.lastInsertedRowID
    }

    /// Writes values of metrics.
    ///
    /// - Parameter replaces: Whether those of a step that has some give way.
    static func insert(_ db: Database, _ run: Int64, _ values: [LoggedMetric], replaces: Bool = true) throws {
        let update = "UPDATE SET value = excluded.value, seconds = excluded.seconds"
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO run_metric (run, name, step, value, seconds) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (run, name, step) DO \(replaces ? update : "NOTHING")
                """)
        for metric in values {
            try insert.execute(arguments: [
                run, metric.name, metric.step, metric.value.isNaN ? nil : metric.value, metric.seconds,
            ])
        }
    }

    /// The next values of a run's metrics, by name and step.
    ///
    /// - Parameter last: The last one of those that came before; `nil` to begin.
    /// - Throws: ``RegistryError/Damage``.
    static func metrics(
        _ db: Database, _ run: Int64, after last: LoggedMetric?, limit: Int
    ) throws -> [LoggedMetric] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT name, step, value, seconds FROM run_metric WHERE run = ?1 AND (name, step) > (?2, ?3)
                    ORDER BY name, step LIMIT ?4
                    """),
            arguments: [run, last?.name ?? "", last?.step ?? -1, limit])
        return try rows.map { row in
            let step: Int = try row.value("step")
            guard step >= 0 else { throw RegistryError.Damage(problem: "a metric at a negative step") }
            return LoggedMetric(
                name: try row.value("name"), step: step, value: try row.optional("value") ?? .nan,
                seconds: try row.optional("seconds"))
        }
    }

    /// Adds settings; one that is there already gets the new value.
    static func set(_ db: Database, _ run: Int64, _ attributes: Attributes) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO run_attribute (run, key, ordinal, value)
                VALUES (?1, ?2, (SELECT ifnull(max(ordinal) + 1, 0) FROM run_attribute WHERE run = ?1), ?3)
                ON CONFLICT (run, key) DO UPDATE SET value = excluded.value
                """)
        for (key, value) in attributes { try insert.execute(arguments: [run, key, value.json]) }
    }
}

/// A value of a metric that is to be written.
struct LoggedMetric: Sendable {
    let name: String
    let step: Int
    let value: Double
    let seconds: Double?
}
