import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import Glibc
public import OrderedCollections

extension Registry {
    /// Starts a run: one training or evaluation, with its settings, metrics by step and the versions it saves.
    ///
    /// ```swift
    /// let run = try registry.startRun(model: "mlp", hyperparameters: ["lr": 1e-3, "batch": 64])
    /// for step in 0..<1000 { run.log(["loss": loss], step: step) }
    /// try registry.save(model.stateDict(), as: "mlp", options: SaveOptions(metrics: ["accuracy": 0.98], run: run.id))
    /// try run.finish()
    /// ```
    ///
    /// - Parameters:
    ///   - model: The model that it makes; `nil` for none in particular.
    ///   - name: Its name, by the grammar of aliases. `nil` for one that no other run has: `20260131-120000-3f9a`.
    ///   - hyperparameters: Its settings. Of a resumed run, those that are new or changed.
    ///   - parent: The run that it goes on from: `mlp/baseline`, or a name within `model`.
    ///   - resumes: Whether a run of this name goes on, if there is one. Its metrics stay; steps that are logged
    ///     again replace the old ones.
    ///   - environment: The code and machine; this process's unless said otherwise.
    ///   - process: The process whose end is the run's, by its number; 0 where nobody can say.
    /// - Throws: ``RegistryError/runExists(_:)`` where there is one and it shall not go on,
    ///   ``RegistryError/runIsRunning(_:process:)`` where it shall and another process is at it.
    public func startRun(
        model: String? = nil, name: String? = nil, hyperparameters: Attributes = [:], parent: String? = nil,
        resumes: Bool = false, environment: RunEnvironment = .captured(), process: Int32? = nil
    ) throws -> Run {
        if let model { try Names.checkModel(model) }
        if let name { try Names.checkRun(name) }
        let identity = process == 0 ? nil : ProcessIdentity(process ?? getpid())
        return try write { db in
            let now = Timestamp.now()
            let modelID = try model.map { try ModelTable.findOrInsert(db, $0, at: now) }
            let parentID = try parent.map { try RunTable.resolve(db, $0, model: model).rowID }
            let environmentID = try EnvironmentTable.findOrInsert(db, environment)
            let clock = MachineClock.seconds()
            let existing = try name.flatMap { name in
                try Row.fetchOne(
                    db,
                    sql: "SELECT \(RunTable.columns), environment.host FROM run "
                        + "LEFT JOIN environment ON environment.id = run.environment "
                        + "WHERE ifnull(model, 0) = ifnull(?, 0) AND name = ?",
                    arguments: [modelID, name])
            }
            let id: Int64
            let runName: String
            if let existing, let name {
                let reference = RunInfo.reference(model: model, name: name)
                guard resumes else { throw RegistryError.runExists(reference) }
                let other = try existing.optional("process", as: String.self).flatMap { ProcessIdentity($0) }
                if try RunTable.state(existing) == .running, let other, other != identity,
                    other.isRunning == true
                {
                    throw RegistryError.runIsRunning(reference, process: Int(other.number))
                }
                id = try existing.value("id")
                runName = name
                try db.execute(
                    sql: """
                        UPDATE run SET state = 'running', ended_at = NULL, boot = ?, boot_seconds = ? - wall_seconds,
                          process = ?, environment = ?, parent = ifnull(?, parent), heard_at = ? WHERE id = ?
                        """,
                    arguments: [
                        MachineClock.boot, clock, identity?.text, environmentID, parentID, now, id,
                    ])
                try EventTable.insert(
                    db, "run resume", model: model, at: now, detail: "{\"run\":\(JSONText.quoted(name))}")
            } else {
                runName = try name ?? Registry.freeRunName(db, modelID, now)
                id = try RunTable.insert(
                    RunTable.NewRow(
                        model: modelID, name: runName, startedAt: now, boot: MachineClock.boot,
                        bootSeconds: clock,
                        process: identity?.text, environment: environmentID, parent: parentID, heardAt: now), db
                )
                try EventTable.insert(
                    db, "run start", model: model, at: now, detail: "{\"run\":\(JSONText.quoted(runName))}")
            }
            try RunTable.set(db, id, hyperparameters)
            return try Run(registry: self, id: RunID(rowID: id), model: model, name: runName, db)
        }
    }

    /// A run that was started before, here or in another process, to say more about. Its state stays as it is.
    ///
    /// - Parameters:
    ///   - reference: `mlp/baseline`, or the name alone where only one model has such a run.
    ///   - model: The model to look in first.
    /// - Throws: ``RegistryError/noRun(_:suggestion:)``, ``RegistryError/ambiguousRun(_:candidates:)``.
    public func openRun(_ reference: String, model: String? = nil) throws -> Run {
        try read { db in
            let info = try RunTable.info(db, try RunTable.resolve(db, reference, model: model))
            return try Run(registry: self, id: info.id, model: info.model, name: info.name, db)
        }
    }

    /// What is known of a run; see ``openRun(_:model:)``.
    public func runInfo(_ reference: String, model: String? = nil) throws -> RunInfo {
        try read { db in try RunTable.info(db, try RunTable.resolve(db, reference, model: model)) }
    }

    /// What is known of a run.
    ///
    /// - Throws: ``RegistryError/noRun(_:suggestion:)`` where it has been deleted.
    public func runInfo(_ id: RunID) throws -> RunInfo { try read { db in try RunTable.info(db, id) } }

    /// The runs of a model, or all, latest first.
    ///
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    public func runs(of model: String? = nil) throws -> [RunInfo] {
        try read { db in
            guard let model else { return try RunTable.fetch(db) }
            return try RunTable.fetch(
                db, where: "ifnull(run.model, 0) = ?", arguments: [try VersionTable.modelID(db, model)])
        }
    }

    /// The living versions that a run saved, latest first.
    public func versions(inRun id: RunID) throws -> [Version] {
        try read { db in
            try VersionTable.fetch(
                db, where: "version.run = ? AND version.deleted_at IS NULL", arguments: [id.rowID])
        }
    }

    /// The names of a run's metrics, in order.
    public func metricNames(ofRun id: RunID) throws -> [String] {
        try read { db in try RunTable.metricNames(db, id.rowID) }
    }

    /// The values of a run's metric, by step.
    ///
    /// - Complexity: O(values).
    public func metric(_ name: String, ofRun id: RunID) throws -> [MetricPoint] {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT step, value, seconds FROM run_metric WHERE run = ? AND name = ? ORDER BY step",
                arguments: [id.rowID, name])
            var points: [MetricPoint] = []
            while let row = try rows.next() {
                points.append(
                    MetricPoint(
                        step: try row.value("step"), value: try row.optional("value") ?? .nan,
                        seconds: try row.optional("seconds")))
            }
            return points
        }
    }

    /// Each metric of a run at a glance, by name.
    ///
    /// - Complexity: O(values).
    public func metricSummaries(ofRun id: RunID) throws -> [MetricSummary] {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT name, step, value, seconds FROM run_metric WHERE run = ? ORDER BY name, step",
                arguments: [id.rowID])
            var summaries: [MetricSummary] = []
            while let row = try rows.next() {
                let point = MetricPoint(
                    step: try row.value("step"), value: try row.optional("value") ?? .nan,
                    seconds: try row.optional("seconds"))
                let name: String = try row.value("name")
                if summaries.last?.name != name {
                    summaries.append(
                        MetricSummary(name: name, count: 0, last: point, minimum: nil, maximum: nil))
                }
                summaries[summaries.count - 1].add(point)
            }
            return summaries
        }
    }

    /// The small files of a run, by name.
    public func attachments(ofRun id: RunID) throws -> [VersionDetails.Attachment] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT name, byte_count, content_id FROM run_attachment
                    JOIN attachment_content ON attachment_content.id = run_attachment.content
                    WHERE run = ? ORDER BY name
                    """,
                arguments: [id.rowID]
            ).map {
                VersionDetails.Attachment(
                    name: try $0.value("name"), byteCount: try $0.value("byte_count"),
                    contentID: try $0.contentID("content_id"))
            }
        }
    }

    /// What people said about a run, oldest first.
    public func notes(ofRun id: RunID) throws -> [Note] {
        try read { db in try NoteTable.notes(db, run: id.rowID) }
    }

    /// What people said about a version, oldest first.
    public func notes(of version: Version) throws -> [Note] {
        try read { db in try NoteTable.notes(db, version: version.rowID) }
    }

    /// Says something about a version.
    ///
    /// - Returns: The version.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func addNote(_ text: String, to reference: String) throws -> Version {
        try write { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            try NoteTable.insert(db, version: version.rowID, text)
            return version
        }
    }

    /// The code and machine of a run; of a resumed one, the latest.
    public func environment(ofRun id: RunID) throws -> RunEnvironment? {
        try read { db in
            try EnvironmentTable.environment(
                db,
                try Int64.fetchOne(db, sql: "SELECT environment FROM run WHERE id = ?", arguments: [id.rowID]))
        }
    }

    /// The code and machine that saved a version, where that was said.
    public func environment(of version: Version) throws -> RunEnvironment? {
        try read { db in
            let id = try Int64.fetchOne(
                db, sql: "SELECT environment FROM version WHERE id = ?", arguments: [version.rowID])
            return try EnvironmentTable.environment(db, id)
        }
    }

    /// Deletes a run with its metrics, notes and attachments. The versions that it saved stay.
    ///
    /// - Throws: ``RegistryError/noRun(_:suggestion:)``.
    public func deleteRun(_ id: RunID) throws {
        try write { db in
            let info = try RunTable.info(db, id)
            try db.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [id.rowID])
            try EventTable.insert(
                db, "run rm", model: info.model, at: Timestamp.now(),
                detail: "{\"run\":\(JSONText.quoted(info.name))}")
        }
    }

    /// A name made of the time and four random digits, so that runs of several machines keep theirs when merged.
    private static func freeRunName(_ db: Database, _ modelID: Int64?, _ now: String) throws -> String {
        let digits = now.prefix(19).filter(\.isNumber)
        while true {
            let random = UInt16.random(in: 0...UInt16.max)
            let suffix = String(repeating: "0", count: 4) + String(random, radix: 16)
            let name = "\(digits.prefix(8))-\(digits.dropFirst(8))-\(suffix.suffix(4))"
            let isTaken = try Bool.fetchOne(
                db, sql: "SELECT 1 FROM run WHERE ifnull(model, 0) = ifnull(?, 0) AND name = ?",
                arguments: [modelID, name])
            if isTaken != true { return name }
        }
    }
}
