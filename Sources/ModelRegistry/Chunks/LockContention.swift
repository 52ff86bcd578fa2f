import Synchronization

/// Whether a connection has met others that read or write, so that it keeps the lock no longer than it must.
final class LockContention: Sendable {
    private let seen = Atomic(false)

    /// Whether one was met since the last reset.
    var isSeen: Bool { seen.load(ordering: .relaxed) }

    func note() { seen.store(true, ordering: .relaxed) }

    func reset() { seen.store(false, ordering: .relaxed) }
}
