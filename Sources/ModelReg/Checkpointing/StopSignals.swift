import Glibc
import Synchronization

/// Notes signals that ask a process to stop, and lets it stop when it is ready.
///
/// A handler rather than a dispatch source: on Linux a source sees a signal only where the thread that made it blocks
/// it for the whole process. The first signal is noted; a second one ends the process as if nobody had listened.
final class StopSignals: Sendable {
    /// A signal that is listened for, and what it did before.
    private struct Listener: @unchecked Sendable {
        let signal: Int32
        let previous: sigaction
        /// How often it had come before.
        let earlierCount: Int
    }

    private let listeners = Mutex<[Listener]>([])
    private let isReported = Atomic(false)
    private let report: @Sendable (Int32) -> Void

    init(_ signals: [Int32], _ report: @escaping @Sendable (Int32) -> Void) {
        self.report = report
        let all = signals.map { number in
            precondition((1..<SignalCounts.limit).contains(Int(number)), "signal \(number)")
            // Also makes sure that the counts are there before a handler needs them.
            let earlierCount = SignalCounts.count(of: number)
            SignalCounts.endsAfter(number, earlierCount + 1)
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { SignalCounts.receive($0) }
            // Files are read and written on.
            action.sa_flags = SA_RESTART
            var previous = sigaction()
            sigaction(number, &action, &previous)
            // A process may inherit that signals are blocked, as from a thread pool that started it.
            var unblocked = sigset_t()
            sigemptyset(&unblocked)
            sigaddset(&unblocked, number)
            pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
            return Listener(signal: number, previous: previous, earlierCount: earlierCount)
        }
        listeners.withLock { $0 = all }
    }

    /// The signal that came. The first call that sees one reports it.
    var received: Int32? {
        let number = listeners.withLock { listeners in
            listeners.first { SignalCounts.count(of: $0.signal) > $0.earlierCount }?.signal
        }
        if let number, !isReported.exchange(true, ordering: .relaxed) { report(number) }
        return number
    }

    /// Stops listening; signals do again what they did before.
    func cancel() {
        let all = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for listener in all {
            var previous = listener.previous
            sigaction(listener.signal, &previous, nil)
        }
    }
}

/// How often each signal came. Touched by handlers: no locks, no memory.
private enum SignalCounts {
    static let limit = 65

    nonisolated(unsafe) private static let counts = table()
    /// The count after which a signal ends the process.
    nonisolated(unsafe) private static let limits = table()

    private static func table() -> UnsafeMutablePointer<Atomic<Int>> {
        let table = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: limit)
        for index in 0..<limit { (table + index).initialize(to: Atomic(0)) }
        return table
    }

    static func count(of signal: Int32) -> Int { counts[Int(signal)].load(ordering: .acquiring) }

    static func endsAfter(_ signal: Int32, _ count: Int) {
        limits[Int(signal)].store(count, ordering: .releasing)
    }

    static func receive(_ number: Int32) {
        let count = counts[Int(number)].add(1, ordering: .acquiringAndReleasing).newValue
        guard count > limits[Int(number)].load(ordering: .acquiring) else { return }
        signal(number, SIG_DFL)
        raise(number)
    }
}
