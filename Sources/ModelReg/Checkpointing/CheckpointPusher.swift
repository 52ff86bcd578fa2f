import Dispatch
import Foundations
import ModelRegistry
import Synchronization

/// Pushes versions on a thread of its own, behind those that save them.
///
/// What fails is reported, and tried again with the next push: neither training nor saving waits for a remote.
final class CheckpointPusher: Sendable {
    private struct State {
        /// Versions that are to be pushed, oldest first.
        var waiting: [String] = []
        var savedCount = 0
        var last: String?
        var isClosed = false
        var isHurried = false
        var task: Task<Void, Never>?
    }

    private let registry: Registry
    private let pushes: CheckpointPushes
    private let threadCount: Int
    private let report: @Sendable (CheckpointerEvent) -> Void
    private let state = Mutex(State())
    private let hasWork = DispatchSemaphore(value: 0)
    private let thread = Mutex<BackgroundThread?>(nil)

    init(
        _ registry: Registry, _ pushes: CheckpointPushes, threadCount: Int,
        report: @escaping @Sendable (CheckpointerEvent) -> Void
    ) throws {
        self.registry = registry
        self.pushes = pushes
        self.threadCount = threadCount
        self.report = report
        let thread = try BackgroundThread { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    /// Takes note of a version that is durable.
    func didSave(_ version: Version, isBest: Bool) {
        let isWanted = state.withLock { state in
            state.savedCount += 1
            state.last = version.reference
            let isWanted =
                switch pushes.rule {
                case .bestAndLast: isBest
                case .every(let count): state.savedCount % count == 0
                }
            if isWanted { state.waiting.append(version.reference) }
            return isWanted
        }
        if isWanted { hasWork.signal() }
    }

    /// Pushes what waits, and the last version with the end of its run, and ends the thread.
    ///
    /// - Parameter isHurried: Whether the process is to end soon: then nothing more is pushed.
    func close(isHurried: Bool) {
        let task = state.withLock { state -> Task<Void, Never>? in
            state.isClosed = true
            state.isHurried = isHurried
            if isHurried {
                state.waiting = []
            } else if let last = state.last {
                // Once more where it has been pushed: its run has ended since.
                state.waiting.removeAll { $0 == last }
                state.waiting.append(last)
            }
            return state.task
        }
        if isHurried { task?.cancel() }
        hasWork.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    // MARK: The thread

    private func run() {
        while true {
            hasWork.wait()
            let hasFailed = !pushWaiting()
            let (isClosed, isDone) = state.withLock { ($0.isClosed, $0.waiting.isEmpty) }
            // What has failed is not tried again in the end: a remote that is away would hold it up.
            if isClosed, isDone || hasFailed { return }
        }
    }

    /// - Returns: Whether nothing failed.
    private func pushWaiting() -> Bool {
        let waiting = state.withLock { $0.waiting }
        let versions = present(waiting)
        guard !versions.isEmpty else {
            state.withLock { state in state.waiting.removeAll { waiting.contains($0) } }
            return true
        }
        let outcome = Mutex<Result<PushReport, any Error>?>(nil)
        let isDone = DispatchSemaphore(value: 0)
        // A task, so that a push can be given up; not on the threads that tasks share, all of which may wait for this one.
        let task = Task.detached(executorPreference: BlockingExecutor.shared) {
            [registry, pushes, threadCount] in
            let result = Result {
                try ConcurrentMap.withThreadLimit(threadCount) {
                    try registry.push(versions, to: pushes.remote)
                }
            }
            outcome.withLock { $0 = result }
            isDone.signal()
        }
        let isHurried = state.withLock { state in
            state.task = task
            return state.isHurried
        }
        if isHurried { task.cancel() }
        isDone.wait()
        state.withLock { $0.task = nil }
        switch outcome.withLock({ $0 }) {
        case .success(let pushed):
            state.withLock { state in state.waiting.removeAll { waiting.contains($0) } }
            report(.pushed(pushed))
            return true
        case .failure(let reason): report(.pushFailed(reason: reason))
        case nil: break
        }
        return false
    }

    /// Those that retention has not deleted meanwhile.
    private func present(_ versions: [String]) -> [String] {
        versions.filter { reference in
            guard let version = try? registry.version(reference) else { return false }
            return version.droppedTensorCount == 0
        }
    }
}
