import Checkpoints
import ChunkStore
import Dispatch
import Foundations
import GRDB
import Synchronization

/// A run that is being recorded.
///
/// ``log(_:step:)`` costs less than a microsecond: values are written in the background, about once a second,
/// and by ``flush()``. A process that dies loses the last second's; training that resumes from a checkpoint logs
/// these steps again. What cannot be written, for a full disk or a locked registry, is kept and tried again; the
/// error shows in ``error``, ``flush()`` and ``finish(_:)`` and does not stop the training.
public final class Run: Sendable {
    /// Which run, for ``SaveOptions/run``.
    public let id: RunID
    /// The model that it makes; `nil` for none in particular.
    public let model: String?
    /// Its name.
    public let name: String

    /// `mlp/baseline`, or `baseline` for a run of no model.
    public var reference: String { RunInfo.reference(model: model, name: name) }

    private let registry: Registry
    /// Where ``MachineClock`` stood when the run began, less what it had run before; `nil` on another machine.
    private let clockStart: Double?
    private let buffer = Mutex(Buffer())
    private let queue = DispatchQueue(label: "modelreg.run")

    private struct Buffer {
        var values: [LoggedMetric] = []
        var isScheduled = false
        var droppedCount = 0
        var error: (any Error)?
    }

    /// Seconds that values wait to be written together.
    private static let delay = 1.0

    /// Values that are kept while they cannot be written; beyond, the oldest are given up.
    private static let maximumCount = 1 << 20

    init(registry: Registry, id: RunID, model: String?, name: String, _ db: Database) throws {
        self.registry = registry
        self.id = id
        self.model = model
        self.name = name
        clockStart = try Double.fetchOne(
            db, sql: "SELECT boot_seconds FROM run WHERE id = ? AND boot = ?",
            arguments: [id.rowID, MachineClock.boot])
    }

    /// Seconds that the run has been going on, those before it was resumed included; `nil` on another machine, or
    /// after a restart of this one.
    public var wallSeconds: Double? { clockStart.map { max(0, MachineClock.seconds() - $0) } }

    /// The last failure to write; `nil` once all is written.
    public var error: (any Error)? { buffer.withLock(\.error) }

    /// Notes values of metrics.
    ///
    /// A value that is not a number is kept as such: comparisons with it do not hold, it is never the best, and
    /// plots have a gap there. Infinities are kept. Said twice for one step, the later value stays.
    ///
    /// - Precondition: `step` is not negative, and no name is empty.
    /// - Complexity: O(metrics). Nothing is written by the time it returns.
    public func log(_ metrics: [String: Double], step: Int) {
        precondition(step >= 0, "step \(step) is negative")
        precondition(!metrics.keys.contains(""), "a metric without a name")
        let seconds = wallSeconds
        let startsTimer = buffer.withLock { buffer in
            for (name, value) in metrics {
                buffer.values.append(LoggedMetric(name: name, step: step, value: value, seconds: seconds))
            }
            if buffer.values.count > Run.maximumCount {
                let count = Run.maximumCount / 8
                buffer.values.removeFirst(count)
                buffer.droppedCount += count
            }
            defer { buffer.isScheduled = true }
            return !buffer.isScheduled
        }
        if startsTimer {
            queue.asyncAfter(deadline: .now() + Run.delay) {
                self.buffer.withLock { $0.isScheduled = false }
                // Kept in the buffer, and shown as `error`.
                try? self.writeBuffer()
            }
        }
    }

    /// Writes what has been logged so far. When it returns, that is on the disk.
    ///
    /// - Throws: ``RegistryError``; the values are kept, and tried again later.
    public func flush() throws { try queue.sync { try writeBuffer() } }

    /// Adds settings, or changes them.
    ///
    /// - Throws: ``RegistryError``.
    public func set(_ hyperparameters: Attributes) throws {
        try registry.write { db in
            try touch(db)
            try RunTable.set(db, id.rowID, hyperparameters)
        }
    }

    /// Says something about the run.
    ///
    /// - Throws: ``RegistryError``.
    public func note(_ text: String) throws {
        try registry.write { db in
            try touch(db)
            try NoteTable.insert(db, run: id.rowID, text)
        }
    }

    /// Keeps a small file with the run, in place of one of the same name.
    ///
    /// - Parameter name: A file name, without folders.
    /// - Throws: ``RegistryError``.
    public func attach(_ bytes: [UInt8], named name: String) throws {
        let content = AttachmentTable.Content(bytes)
        try registry.write { db in
            try touch(db)
            try AttachmentTable.insert(name, content, to: .run(id.rowID, replaces: true), db)
        }
    }

    /// Writes what is left, and says that the run has ended.
    ///
    /// - Parameter state: How it ended.
    /// - Throws: ``RegistryError``; then it has not, and the call may be made again.
    public func finish(_ state: RunState = .finished) throws {
        try flush()
        let seconds = wallSeconds
        try registry.write { db in
            let now = Timestamp.now()
            try db.execute(
                sql: """
                    UPDATE run SET state = ?1, ended_at = iif(?1 = 'running', NULL, ?2), heard_at = ?2,
                      wall_seconds = max(wall_seconds, ifnull(?3, 0)) WHERE id = ?4
                    """,
                arguments: [state.rawValue, now, seconds, id.rowID])
            guard db.changesCount == 1 else { throw RegistryError.noRun(reference, suggestion: nil) }
            try EventTable.insert(
                db, "run \(state.rawValue)", model: model, at: now,
                detail: "{\"run\":\(JSONText.quoted(name))}")
        }
    }

    /// On the queue: one transaction with all that waits.
    private func writeBuffer() throws {
        let values = buffer.withLock { buffer in
            defer { buffer.values = [] }
            return buffer.values
        }
        guard !values.isEmpty else { return }
        do {
            try registry.write { db in
                try touch(db)
                try RunTable.insert(db, id.rowID, values)
            }
            buffer.withLock { $0.error = nil }
        } catch {
            buffer.withLock { buffer in
                buffer.values.insert(contentsOf: values, at: 0)
                buffer.error = error
            }
            throw error
        }
    }

    /// Notes that the run was heard of.
    private func touch(_ db: Database) throws {
        try db.execute(
            sql: "UPDATE run SET heard_at = ?, wall_seconds = max(wall_seconds, ifnull(?, 0)) WHERE id = ?",
            arguments: [Timestamp.now(), wallSeconds, id.rowID])
        guard db.changesCount == 1 else { throw RegistryError.noRun(reference, suggestion: nil) }
    }
}
