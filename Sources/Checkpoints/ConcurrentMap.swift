import Dispatch
import Synchronization

/// Applies a function to each element on all cores, in any order.
public enum ConcurrentMap {
    /// The results, in the order of `elements`.
    ///
    /// - Throws: One of the errors thrown by `transform`, after all calls have returned; once one has thrown,
    ///   calls that have not begun are skipped.
    public static func map<Element: Sendable, Result: Sendable, Failure: Error>(
        _ elements: [Element], _ transform: @Sendable (Element) throws(Failure) -> Result
    ) throws(Failure) -> [Result] {
        let results = Mutex([Swift.Result<Result, Failure>?](repeating: nil, count: elements.count))
        let hasFailed = Atomic(false)
        DispatchQueue.concurrentPerform(iterations: elements.count) { index in
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
    public static func forEach<Element: Sendable, Failure: Error>(
        _ elements: [Element], _ body: @Sendable (Element) throws(Failure) -> Void
    ) throws(Failure) {
        _ = try map(elements, body)
    }
}
