import Synchronization

/// Tells progress so that what is sent again counts once.
final class HighWaterMark: Sendable {
    private let progress: (@Sendable (Int) -> Void)?
    private let highest = Mutex(0)

    init(_ progress: (@Sendable (Int) -> Void)?) { self.progress = progress }

    func reach(_ count: Int) {
        guard let progress else { return }
        let more = highest.withLock { highest in
            defer { highest = max(highest, count) }
            return count - highest
        }
        if more > 0 { progress(more) }
    }
}
