import Dispatch
import Synchronization

/// Applies a function to each element on all cores, in any order.
package enum ConcurrentMap {
    /// Threads that calls on this thread use, the caller's included; `nil` for all cores.
    @TaskLocal private static var threadLimit: Int?

    /// Lets calls within `body` use at most `count` threads, for work that stays behind other work.
    package static func withThreadLimit<Result>(
        _ count: Int, _ body: () throws -> Result
    ) rethrows -> Result {
        try $threadLimit.withValue(max(1, count), operation: body)
    }

    /// Whether calls on this thread run on it alone.
    package static var isSerial: Bool { threadLimit == 1 }

    /// Calls `body` with each number below `count`, on as many threads as may be used.
    private static func perform(_ count: Int, _ body: @Sendable (Int) -> Void) {
        guard let threadLimit else {
            DispatchQueue.concurrentPerform(iterations: count, execute: body)
            return
        }
        guard threadLimit > 1 else {
            for index in 0..<count { body(index) }
            return
        }
        let next = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: min(threadLimit, count)) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                body(index)
            }
        }
    }

    /// The results, in the order of `elements`.
    ///
    /// - Throws: One of the errors thrown by `transform`, after all calls have returned; once one has thrown,
    ///   calls that have not begun are skipped.
    package static func map<Element: Sendable, Result: Sendable, Failure: Error>(
        _ elements: [Element], _ transform: @Sendable (Element) throws(Failure) -> Result
    ) throws(Failure) -> [Result] {
        let results = Mutex([Swift.Result<Result, Failure>?](repeating: nil, count: elements.count))
        let hasFailed = Atomic(false)
        perform(elements.count) { index in
            guard !hasFailed.load(ordering: .relaxed) else { return }
            let result: Swift.Result<Result, Failure>
            do throws(Failure) {
                result = .success(try transform(elements[index]))
            } catch {
                hasFailed.store(true, ordering: .relaxed)
                result = .failure(error)
            }
            results.withLock { $0[index] = result }
        }
        let all = results.withLock { $0 }
        for case .failure(let error)? in all { throw error }
        var values: [Result] = []
        values.reserveCapacity(all.count)
        for case .success(let value)? in all { values.append(value) }
        return values
    }

    /// Calls `body` for each element.
    ///
    /// - Throws: As ``map(_:_:)``.
    package static func forEach<Element: Sendable, Failure: Error>(
        _ elements: [Element], _ body: @Sendable (Element) throws(Failure) -> Void
    ) throws(Failure) {
        _ = try map(elements, body)
    }
}
