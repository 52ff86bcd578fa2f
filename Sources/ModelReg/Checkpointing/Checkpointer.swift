import Checkpoints
import Dispatch
import Foundations
import Glibc
public import ModelRegistry
public import NN
public import OrderedCollections
public import Tensors

/// Saves a training run as it goes, without making it wait, and lets it go on after a crash exactly where it was.
///
/// ```swift
/// let state = TrainingState(model, optimizer, schedule: scheduler, data: sampler)
/// let run = try registry.startRun(model: "mlp", name: "baseline", hyperparameters: ["lr": 1e-3], resumes: true)
/// let checkpointer = try Checkpointer(
///     registry: registry, model: "mlp", run: run, every: [.steps(100), .improvement(of: "accuracy", mode: .max)],
///     retention: RetentionPolicy(keepLast: 3, keepBest: [.init(3, by: .max("accuracy"))]),
///     stopsOn: Checkpointer.standardStopSignals, report: Checkpointer.standardReport)
/// var step = try checkpointer.resume(state)?.progress.step ?? 0
/// while sampler.epoch < 20, !checkpointer.shouldStop {
///     while let batch = sampler.next(), !checkpointer.shouldStop {
///         train(on: batch)
///         step += 1
///         try checkpointer.saveIfDue(state, step: step, epoch: sampler.epoch)
///     }
/// }
/// try checkpointer.finish()
/// exit(checkpointer.exitStatus)
/// ```
///
/// `save` copies the tensors and returns; a thread of its own encodes and writes. Two copies exist at most, so a call
/// waits only where a checkpoint is due before the one before the last is written. When a checkpoint cannot be saved,
/// training goes on, or the next call throws: see ``CheckpointFailureRule``. Whatever happens, what was saved before is
/// as it was.
///
/// *Signals.* The first of the signals that it was asked to stop on, such as SIGTERM, makes ``shouldStop`` true and the next ``saveIfDue(_:step:epoch:metrics:)`` save, so that
/// the loop can end; the process then ends itself. A second one ends the process at once.
///
/// *Best.* The version with the best value so far of the metric that ``CheckpointCadence/improvement(of:mode:)`` or the
/// retention policy names has the alias `best`. Of equals the newer one has it; NaN never does.
///
/// *Run.* Versions belong to the run that is given, and to the step they were saved at; metrics are logged to it, whether
/// a checkpoint is due or not. It ends with ``finish(_:)``: as finished; as killed, where a signal came; as failed, where
/// the newest checkpoint could not be saved, or a checkpointer goes away before it has finished, as when training throws.
/// A process that starts again resumes the run of the same name, and ``resume(_:)`` goes on from the run's own versions:
/// two runs of one model do not get in each other's way.
///
/// Called by the thread that trains, and by no other at the same time. A registry is shared with other jobs as usual.
public final class Checkpointer {
    /// Where versions go.
    public let registry: Registry
    /// The model that they are versions of.
    public let model: String
    /// The run that saves them.
    public let run: Run?

    private let cadence: CheckpointCadence
    private let failureRule: CheckpointFailureRule
    let report: @Sendable (CheckpointerEvent) -> Void
    private let writer: CheckpointWriter
    private let pusher: CheckpointPusher?
    private let signals: StopSignals
    private let goal: MetricGoal?

    private var lastStep: Int?
    private var lastSave = DispatchTime.now()
    /// The best value that a snapshot was taken of.
    private var best: Double?
    private var isFinished = false
    private var hasRunEnded = false
    private var finalSignal: Int32?

    /// The alias of the best version.
    public static let bestAlias = "best"

    /// Prints problems on standard error.
    public static let standardReport: @Sendable (CheckpointerEvent) -> Void = { event in
        guard event.isProblem else { return }
        let line = Array("modelreg: \(event)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    /// What asks a process to stop: SIGTERM.
    public static let standardStopSignals: [Int32] = [SIGTERM]

    /// Saves versions of `model`.
    ///
    /// - Parameters:
    ///   - run: The run that saves them; see
    ///     ``Registry/startRun(model:name:hyperparameters:parent:resumes:environment:process:)``. One of no model in
    ///     particular may make several.
    ///   - cadence: When ``saveIfDue(_:step:epoch:metrics:)`` saves.
    ///   - retention: Which versions stay, applied after each save; `nil` for all.
    ///   - failureRule: What to do when a checkpoint cannot be saved.
    ///   - stopSignals: Signals that ask the run to stop, such as ``standardStopSignals``; a handler is installed for each,
    ///     for the whole process.
    ///   - collectsGarbage: Whether to free what retention lets go, now and then and at the end.
    ///   - attributes: Facts to save with each version, such as hyper-parameters.
    ///   - pushes: Which versions go to a remote, behind the training; `nil` for none. A push that fails is reported, and
    ///     stops nothing.
    ///   - report: Called with everything that happens, from any thread; ``standardReport`` prints problems.
    /// - Throws: ``RegistryError`` if the name is invalid, or the registry cannot be written at all.
    public init(
        registry: Registry, model: String, run: Run? = nil, every cadence: CheckpointCadence = .manual,
        retention: RetentionPolicy? = nil, onError failureRule: CheckpointFailureRule = .report,
        stopsOn stopSignals: [Int32] = [], collectsGarbage: Bool = true, attributes: Attributes = [:],
        pushesTo pushes: CheckpointPushes? = nil, report: @escaping @Sendable (CheckpointerEvent) -> Void
    ) throws {
        _ = try VersionReference(model)
        require(
            run?.model == nil || run?.model == model,
            "run \"\(run?.reference ?? "")\" is of another model than \"\(model)\"")
        if registry.isReadOnly { throw RegistryError.readOnly(path: registry.path) }
        self.registry = registry
        self.model = model
        self.run = run
        self.cadence = cadence
        self.failureRule = failureRule
        self.report = report
        goal = cadence.goal ?? retention?.keepBest.first?.goal
        best = try goal.flatMap { try Checkpointer.best(of: model, by: $0, registry) }
        pusher = try pushes.map {
            try CheckpointPusher(registry, $0, threadCount: CheckpointWriter.threadCount, report: report)
        }
        writer = try CheckpointWriter(
            CheckpointWriter.Settings(
                registry: registry, model: model, run: run, goal: goal, bestAlias: Checkpointer.bestAlias,
                retention: retention, collectsGarbage: collectsGarbage, attributes: attributes,
                pusher: pusher, report: report),
            best: best)
        signals = StopSignals(stopSignals) { report(.stopping(signal: $0)) }
    }

    deinit {
        let signal = signals.received
        signals.cancel()
        if !isFinished {
            _ = writer.close(isHurried: true)
            pusher?.close(isHurried: true)
        }
        // Nobody is left to tell if that fails: a run without a process counts as killed.
        if !hasRunEnded { try? run?.finish(signal == nil ? .failed : .killed) }
    }

    private static func best(of model: String, by goal: MetricGoal, _ registry: Registry) throws -> Double? {
        do {
            return try registry.versions(of: model).reduce(nil) { best, version in
                version.metrics[goal.name].flatMap { goal.isBetter($0, than: best) ? $0 : nil } ?? best
            }
        } catch RegistryError.noModel {
            return nil
        }
    }

    // MARK: Saving

    /// Saves a checkpoint of this moment: copies the tensors, and leaves the rest to the background.
    ///
    /// - Parameters:
    ///   - step: Optimiser steps taken so far.
    ///   - epoch: Epochs passed so far.
    ///   - metrics: What is known of how good it is. NaN is kept, and never the best.
    ///   - message: For people; `step 100` unless given.
    ///   - aliases: To set on the version.
    /// - Throws: Under ``CheckpointFailureRule/throw``, ``CheckpointerError`` when an earlier checkpoint could not be
    ///   saved; then nothing is saved now. ``FileError`` without memory for the copy.
    /// - Complexity: O(bytes) to copy them.
    public func save(
        _ state: TrainingState, step: Int, epoch: Int? = nil, metrics: OrderedDictionary<String, Double> = [:],
        message: String? = nil, aliases: [String] = []
    ) throws {
        require(!isFinished, "a checkpointer saves after it has finished")
        run?.log(metrics.asDictionary, step: step)
        try throwFailure()
        let progress = TrainingState.Progress(step: step, epoch: epoch, metrics: metrics)
        let buffer = writer.takeBuffer()
        let snapshot: CheckpointSnapshot
        do {
            snapshot = try CheckpointSnapshot(state.checkpoint(at: progress), in: buffer)
        } catch {
            writer.giveBack(buffer)
            throw error
        }
        let words = (epoch.map { "epoch \($0), " } ?? "") + "step \(step)"
        writer.enqueue(
            CheckpointWriter.Job(
                snapshot: snapshot, buffer: buffer, progress: progress, message: message ?? words,
                aliases: aliases))
        lastStep = step
        lastSave = DispatchTime.now()
        if let goal, let value = metrics[goal.name], goal.isBetter(value, than: best) { best = value }
    }

    /// Saves a checkpoint if the cadence says so, or a signal has asked the run to stop and this step is not saved yet.
    ///
    /// - Returns: Whether one is on its way.
    /// - Throws: As ``save(_:step:epoch:metrics:message:aliases:)``, also when none is due.
    @discardableResult
    public func saveIfDue(
        _ state: TrainingState, step: Int, epoch: Int? = nil, metrics: OrderedDictionary<String, Double> = [:]
    ) throws -> Bool {
        guard isDue(step, metrics) else {
            run?.log(metrics.asDictionary, step: step)
            try throwFailure()
            return false
        }
        try save(state, step: step, epoch: epoch, metrics: metrics)
        return true
    }

    /// Saves a checkpoint of a model and what trains it; see ``save(_:step:epoch:metrics:message:aliases:)``.
    public func save(
        _ module: Module, _ optimizer: (any Optimizer)? = nil, schedule: LearningRateScheduler? = nil,
        random: OrderedDictionary<String, RandomGenerator> = [:], data: (any CheckpointState)? = nil, step: Int,
        epoch: Int? = nil, metrics: OrderedDictionary<String, Double> = [:]
    ) throws {
        let state = TrainingState(module, optimizer, schedule: schedule, random: random, data: data)
        try save(state, step: step, epoch: epoch, metrics: metrics)
    }

    private func isDue(_ step: Int, _ metrics: OrderedDictionary<String, Double>) -> Bool {
        if shouldStop { return lastStep != step }
        // A checkpoint that failed is not the best one that there is.
        if writer.hasFailed { best = writer.best }
        if let count = cadence.stepCount, step / count > (lastStep ?? 0) / count { return true }
        let passed = Double(DispatchTime.now().uptimeNanoseconds - lastSave.uptimeNanoseconds) / 1e9
        if let seconds = cadence.seconds, passed >= seconds { return true }
        if let goal = cadence.goal, let value = metrics[goal.name] { return goal.isBetter(value, than: best) }
        return false
    }

    /// Takes note of where the run goes on.
    func didResume(_ version: Version, _ progress: TrainingState.Progress, isLatest: Bool) {
        lastStep = progress.step
        lastSave = DispatchTime.now()
        writer.setParent(isLatest && run == nil ? nil : version.reference)
        report(.resumed(version, step: progress.step))
    }

    private func throwFailure() throws {
        guard failureRule == .throw, let failure = writer.takeFailure() else { return }
        throw failure
    }

    // MARK: Stopping

    /// The signal that asks the run to stop, if one came.
    public var stopSignal: Int32? {
        if finalSignal == nil { finalSignal = signals.received }
        return finalSignal
    }

    /// Whether the run should save and stop.
    public var shouldStop: Bool { stopSignal != nil }

    /// What a process that stops now exits with: 0, or 128 and the signal's number, as shells say it: 143 for SIGTERM.
    public var exitStatus: Int32 { stopSignal.map { 128 + $0 } ?? 0 }

    /// The version that was saved last by this checkpointer, once it is durable.
    public var lastVersion: Version? { writer.lastVersion }

    /// Waits until all checkpoints so far are durable, or have failed.
    ///
    /// - Throws: Under ``CheckpointFailureRule/throw``, ``CheckpointerError`` when one has failed.
    public func wait() throws {
        writer.drain()
        try throwFailure()
    }

    /// Writes what is on its way, and ends, and so does the run. Called once, when training ends; signals then do again
    /// what they did before.
    ///
    /// - Parameter state: How the run ended, where that is not to be told from what happened.
    /// - Throws: ``CheckpointerError`` when the newest checkpoint could not be saved, under either rule;
    ///   ``RegistryError`` when the end of the run could not be written: then the call may be made again.
    public func finish(_ state: RunState? = nil) throws {
        var failure: CheckpointerError?
        if !isFinished {
            isFinished = true
            failure = writer.close(isHurried: shouldStop)
            signals.cancel()
        }
        if let run, !hasRunEnded {
            do {
                try run.finish(state ?? (failure != nil ? .failed : shouldStop ? .killed : .finished))
                hasRunEnded = true
            } catch {
                report(.runNotWritten(run: run.reference, reason: error))
                if failure == nil { throw error }
            }
        }
        // Behind the end of the run, which goes along.
        pusher?.close(isHurried: shouldStop)
        if let failure { throw failure }
    }
}

extension OrderedDictionary<String, Double> {
    /// The same, in no order.
    fileprivate var asDictionary: [String: Double] {
        Dictionary(uniqueKeysWithValues: map { ($0.key, $0.value) })
    }
}
