import Checkpoints
import Dispatch
import Foundations
import Glibc
import ModelRegistry
import NN
import OrderedCollections
import Synchronization
import Tensors

/// Encodes and writes snapshots on a thread of its own, one after the other, and looks after the registry between them.
///
/// Two snapshots exist at most: one that is being written and one that waits, or is being taken.
final class CheckpointWriter: Sendable {
    /// What the writer does, and for whom.
    struct Settings: Sendable {
        let registry: Registry
        let model: String
        let run: Run?
        let goal: MetricGoal?
        let bestAlias: String
        let retention: RetentionPolicy?
        let collectsGarbage: Bool
        let attributes: Attributes
        let pusher: CheckpointPusher?
        let report: @Sendable (CheckpointerEvent) -> Void
    }

    /// A snapshot on its way into the registry.
    struct Job: Sendable {
        let snapshot: CheckpointSnapshot
        let buffer: SnapshotBuffer
        let progress: TrainingState.Progress
        let message: String
        let aliases: [String]
    }

    private struct State {
        var idleBuffers = [SnapshotBuffer(), SnapshotBuffer()]
        var queue: [Job] = []
        var isClosed = false
        /// Whether the process is to end soon, so that only what must be done is done.
        var isHurried = false
        /// The failure of the newest snapshot that was written or tried.
        var failure: CheckpointerError?
        /// A failure that no call has thrown yet.
        var unseenFailure: CheckpointerError?
        var parent: String?
        /// Whether versions are saved without the run, since that was deleted.
        var isRunGone = false
        var best: Double?
        var lastVersion: Version?
        /// Versions deleted or thinned since the last garbage collection, and when that was.
        var garbageCount = 0
        var collectedAt = DispatchTime.now()
    }

    private let settings: Settings
    private let state: Mutex<State>
    private let hasBuffer = DispatchSemaphore(value: 2)
    private let hasWork = DispatchSemaphore(value: 0)
    private let thread: Mutex<BackgroundThread?>

    /// Tries to save a checkpoint while the registry is in use, each as long as the registry waits.
    private static let attemptCount = 3

    /// Garbage is collected after so many versions or seconds.
    private static let garbageVersionCount = 16
    private static let garbageSeconds = 600.0

    init(_ settings: Settings, best: Double?) throws {
        self.settings = settings
        var initial = State()
        initial.best = best
        state = Mutex(initial)
        thread = Mutex(nil)
        let thread = try BackgroundThread { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    // MARK: The training loop's side

    /// Memory for the next snapshot. Waits while one is being written and another one waits.
    func takeBuffer() -> SnapshotBuffer {
        hasBuffer.wait()
        return state.withLock { $0.idleBuffers.removeLast() }
    }

    /// Gives back memory that was not used.
    func giveBack(_ buffer: SnapshotBuffer) {
        state.withLock { $0.idleBuffers.append(buffer) }
        hasBuffer.signal()
    }

    /// Leaves a snapshot to the writer.
    func enqueue(_ job: Job) {
        state.withLock { $0.queue.append(job) }
        hasWork.signal()
    }

    /// The version that the next one is made from, where that is not the latest.
    func setParent(_ reference: String?) { state.withLock { $0.parent = reference } }

    /// A failure that nobody was told of yet.
    func takeFailure() -> CheckpointerError? {
        state.withLock { state in
            defer { state.unseenFailure = nil }
            return state.unseenFailure
        }
    }

    /// Whether the newest checkpoint that was tried could not be saved.
    var hasFailed: Bool { state.withLock { $0.failure != nil } }

    /// The value of the goal's metric of the best version that is in the registry.
    var best: Double? { state.withLock { $0.best } }

    /// The version that was saved last.
    var lastVersion: Version? { state.withLock { $0.lastVersion } }

    /// Waits until all snapshots are written, or failed.
    func drain() {
        for _ in 0..<2 { hasBuffer.wait() }
        for _ in 0..<2 { hasBuffer.signal() }
    }

    /// Writes all snapshots, ends the thread and returns the failure of the newest one.
    ///
    /// - Parameter isHurried: Whether to leave upkeep to the next run.
    func close(isHurried: Bool) -> CheckpointerError? {
        state.withLock { state in
            state.isClosed = true
            state.isHurried = isHurried
        }
        hasWork.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
        return state.withLock { $0.failure }
    }

    // MARK: The thread

    private func run() {
        while true {
            hasWork.wait()
            let (job, isClosed) = state.withLock { state in
                (state.queue.isEmpty ? nil : state.queue.removeFirst(), state.isClosed)
            }
            if let job {
                let version = write(job)
                giveBack(job.buffer)
                if version != nil { lookAfterRegistry() }
            } else if isClosed {
                collectGarbage(isLast: true)
                tidy()
                return
            }
        }
    }

    private var hasNewerJob: Bool { state.withLock { !$0.queue.isEmpty } }

    /// Threads that do not take processors from training.
    static var threadCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - Compute.threadCount) }

    /// Saves a snapshot.
    ///
    /// - Returns: The version; `nil` where it could not be saved, which is noted and reported.
    private func write(_ job: Job) -> Version? {
        var attempt = 1
        while true {
            do {
                let version = try ConcurrentMap.withThreadLimit(CheckpointWriter.threadCount) { try save(job) }
                let hasImproved = state.withLock { state in
                    state.failure = nil
                    // Beside other runs of the model, the latest version may be one of theirs.
                    state.parent = settings.run == nil ? nil : version.reference
                    state.lastVersion = version
                    guard let value = goalValue(job), isBest(value, state.best) else { return false }
                    state.best = value
                    return true
                }
                settings.report(.saved(version, step: job.progress.step))
                settings.pusher?.didSave(version, isBest: hasImproved)
                return version
            } catch let error as RegistryError {
                if case .busy = error, attempt < CheckpointWriter.attemptCount, !hasNewerJob {
                    attempt += 1
                    settings.report(.retrying(step: job.progress.step, reason: error))
                    continue
                }
                fail(job, error)
                return nil
            } catch {
                fail(job, error)
                return nil
            }
        }
    }

    private func fail(_ job: Job, _ reason: any Error) {
        let error = CheckpointerError.saveFailed(step: job.progress.step, reason: reason)
        state.withLock { state in
            state.failure = error
            state.unseenFailure = error
        }
        settings.report(.saveFailed(step: job.progress.step, reason: reason))
    }

    private func goalValue(_ job: Job) -> Double? {
        settings.goal.flatMap { job.progress.metrics[$0.name] }
    }

    /// Whether a version with `value` is the best; of equals the newer one is.
    private func isBest(_ value: Double, _ best: Double?) -> Bool {
        guard let goal = settings.goal, !value.isNaN else { return false }
        return best.map { !goal.isBetter($0, than: value) } ?? true
    }

    private func save(_ job: Job) throws -> Version {
        let checkpoint = try job.snapshot.checkpoint()
        let (parent, best, isRunGone) = state.withLock { ($0.parent, $0.best, $0.isRunGone) }
        var options = SaveOptions(
            message: job.message, aliases: job.aliases, metrics: job.progress.metrics,
            attributes: settings.attributes, parent: parent, run: isRunGone ? nil : settings.run?.id,
            step: job.progress.step)
        let isBest = goalValue(job).map { self.isBest($0, best) } ?? false
        if isBest, !options.aliases.contains(settings.bestAlias) { options.aliases.append(settings.bestAlias) }
        func save() throws -> Version {
            do {
                return try settings.registry.saveUnpacked(checkpoint, as: settings.model, options: options)
                    .version
            } catch RegistryError.noVersion where options.parent != nil {
                // The version before was deleted meanwhile.
                options.parent = nil
                return try save()
            } catch let error as RegistryError {
                guard case .noRun = error, let run = settings.run, options.run != nil else { throw error }
                // Weights are worth more than where they come from.
                settings.report(.runNotWritten(run: run.reference, reason: error))
                state.withLock { $0.isRunGone = true }
                options.run = nil
                return try save()
            }
        }
        do {
            return try save()
        } catch RegistryError.protectedAlias(_, settings.bestAlias) where isBest {
            options.aliases.removeAll { $0 == settings.bestAlias }
            let version = try save()
            settings.report(.aliasKept(alias: settings.bestAlias, version: version))
            return version
        }
    }

    // MARK: Upkeep

    /// Retention, then garbage, then packing: whatever fails is tried again after the next checkpoint.
    private func lookAfterRegistry() {
        if let retention = settings.retention {
            attempt {
                let plan = try settings.registry.prune(settings.model, retention).filter { $0.action != .keep }
                guard !plan.isEmpty else { return }
                state.withLock { $0.garbageCount += plan.count }
                settings.report(.pruned(plan))
            }
        }
        collectGarbage(isLast: false)
        let (isHurried, isWanted) = (state.withLock { $0.isHurried }, settings.registry.packsInBackground)
        guard isWanted, !isHurried, !hasNewerJob else { return }
        attempt {
            _ = try ConcurrentMap.withThreadLimit(CheckpointWriter.threadCount) {
                try settings.registry.packNewVersions(
                    of: settings.model,
                    isCancelled: { self.hasNewerJob || self.state.withLock { $0.isHurried } })
            }
        }
    }

    private func collectGarbage(isLast: Bool) {
        let (count, since, isHurried) = state.withLock { ($0.garbageCount, $0.collectedAt, $0.isHurried) }
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - since.uptimeNanoseconds) / 1e9
        let isDue =
            isLast || count >= CheckpointWriter.garbageVersionCount
            || seconds >= CheckpointWriter.garbageSeconds
        guard settings.collectsGarbage, count > 0, isDue, !isHurried else { return }
        attempt {
            _ = try ConcurrentMap.withThreadLimit(CheckpointWriter.threadCount) {
                try settings.registry.collectGarbage()
            }
            state.withLock { state in
                state.garbageCount = 0
                state.collectedAt = DispatchTime.now()
            }
        }
    }

    /// Packing stops where a snapshot waits, also this process's before it was killed.
    private func tidy() {
        let (isHurried, hasSaved) = state.withLock { ($0.isHurried, $0.lastVersion != nil) }
        guard settings.registry.packsInBackground, hasSaved, !isHurried else { return }
        attempt { try settings.registry.tidyPacks() }
    }

    private func attempt(_ body: () throws -> Void) {
        do { try body() } catch { settings.report(.upkeepFailed(reason: error)) }
    }
}
