import Synchronization

/// Adds up what is done on all threads, and reports it to a handler at most a few hundred times.
///
/// The handler is called by one thread at a time, with numbers that rise, and last with the total. A number that is
/// overtaken while it waits for its turn is not reported.
package final class ThrottledProgress: Sendable {
    package typealias Handler = @Sendable (_ done: Int, _ total: Int) -> Void

    private let handler: Handler
    private let total: Int
    private let state = Mutex((done: 0, due: 0))
    private let reported = Mutex(0)

    package init(_ handler: @escaping Handler, total: Int) {
        self.handler = handler
        self.total = total
    }

    private static let stepCount = 200

    /// Records that `count` more are done.
    package func add(_ count: Int) {
        let due = state.withLock { state -> Int? in
            state.done += count
            guard state.done >= total || state.done - state.due >= total / Self.stepCount else { return nil }
            state.due = state.done
            return state.done
        }
        guard let due else { return }
        reported.withLock { reported in
            guard due > reported else { return }
            reported = due
            handler(min(due, total), total)
        }
    }
}
