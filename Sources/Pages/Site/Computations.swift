import Dispatch
import Foundations
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// What takes longer than a page may: computed behind it, once for each content, and given up when nobody asks any more.
final class Computations: Sendable {
    /// How far a computation is.
    enum State<Value> {
        case ready(Value)
        case failed(any Error)
        /// It goes on, or waits for others.
        case pending
    }

    fileprivate struct Job {
        var result: Result<any Sendable, any Error>?
        var isRunning = false
        var lastAsked: Double
        let number: Int
    }

    fileprivate struct Jobs {
        var jobs: [String: Job] = [:]
        var waiting: [(key: String, work: Work)] = []
        var isBusy = false
        var isCancelled = false
        var next = 0
    }

    typealias Work = @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> any Sendable

    private let state = Mutex(Jobs())

    /// Results that are kept.
    private static let limit = 64
    /// Others that wait.
    private static let waitingLimit = 16
    /// A page asks every second; one that has not for so long has been closed.
    private static let patienceSeconds = 20.0
    /// What is ready at once is on the page at once.
    private static let shortWaitSeconds = 0.06

    /// The value of a computation, which is begun where it is not known.
    ///
    /// - Parameters:
    ///   - key: Says all that the value depends on: content ids, never names.
    ///   - waits: Whether to compute it here and now.
    func value<Value: Sendable>(
        _ key: String, waits: Bool, of type: Value.Type = Value.self,
        _ compute: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Value
    ) -> State<Value> {
        if waits {
            if case .ready(let value) = known(key, type) { return .ready(value) }
            let result = Result<any Sendable, any Error> { try compute { false } }
            state.withLock { $0.finish(key, result) }
            return known(key, type)
        }
        let isNew = state.withLock { jobs -> Bool in
            if jobs.jobs[key] != nil {
                jobs.jobs[key]?.lastAsked = MachineClock.seconds()
                return false
            }
            guard !jobs.isCancelled, jobs.waiting.count < Computations.waitingLimit else { return false }
            jobs.next += 1
            jobs.jobs[key] = Job(lastAsked: MachineClock.seconds(), number: jobs.next)
            jobs.waiting.append((key, { try compute($0) }))
            return true
        }
        if isNew {
            start()
            let deadline = MachineClock.seconds() + Computations.shortWaitSeconds
            while MachineClock.seconds() < deadline {
                if case .pending = known(key, type) { usleep(2000) } else { break }
            }
        }
        return known(key, type)
    }

    /// Gives up all that is under way.
    func cancel() {
        state.withLock {
            $0.isCancelled = true
            $0.waiting = []
        }
    }

    private func known<Value>(_ key: String, _ type: Value.Type) -> State<Value> {
        switch state.withLock({ $0.jobs[key]?.result }) {
        case nil: return .pending
        case .failure(let error)?: return .failed(error)
        case .success(let value)?:
            // Two kinds of values under one key would be a fault of ours.
            guard let value = value as? Value else {
                preconditionFailure("another type under the key of a computation")
            }
            return .ready(value)
        }
    }

    /// One at a time: each uses all cores.
    private func start() {
        let first = state.withLock { jobs -> Bool in
            guard !jobs.isBusy else { return false }
            jobs.isBusy = true
            return true
        }
        guard first else { return }
        DispatchQueue.global().async { [self] in
            while let (key, work) = next() {
                let result = Result { try work { [self] in isGivenUp(key) } }
                state.withLock { $0.finish(key, result) }
            }
        }
    }

    private func next() -> (key: String, work: Work)? {
        state.withLock { jobs in
            guard let first = jobs.waiting.first else {
                jobs.isBusy = false
                return nil
            }
            jobs.waiting.removeFirst()
            jobs.jobs[first.key]?.isRunning = true
            return first
        }
    }

    private func isGivenUp(_ key: String) -> Bool {
        state.withLock { jobs in
            jobs.isCancelled
                || MachineClock.seconds() - (jobs.jobs[key]?.lastAsked ?? 0) > Computations.patienceSeconds
        }
    }
}

extension Computations.Jobs {
    /// Keeps a result, and forgets the oldest ones. What was given up may begin again.
    fileprivate mutating func finish(_ key: String, _ result: Result<any Sendable, any Error>) {
        if case .failure(let error) = result, error is CancellationError {
            jobs[key] = nil
            return
        }
        let number = jobs[key]?.number ?? next
        jobs[key] = Computations.Job(result: result, lastAsked: 0, number: number)
        while jobs.count > Computations.limit,
            let oldest = jobs.filter({ $0.value.result != nil })
                .min(by: { $0.value.number < $1.value.number })
        {
            jobs[oldest.key] = nil
        }
    }
}
