import Dispatch

/// Lends objects that are costly to make and used by one thread at a time.
package final class WorkerPool<Worker: AnyObject>: @unchecked Sendable {
    private let make: @Sendable () -> Worker
    // A semaphore and not a mutex: workers are not Sendable, and may not pass through `Mutex.withLock`.
    private let isFree = DispatchSemaphore(value: 1)
    private var idle: [Worker] = []

    /// A pool that makes workers when there are none to lend.
    package init(_ make: @escaping @Sendable () -> Worker) {
        self.make = make
    }

    /// Calls `body` with a worker that nobody else has meanwhile.
    package func withWorker<Result>(_ body: (Worker) throws -> Result) rethrows -> Result {
        let worker = exchange { $0.popLast() } ?? make()
        defer { exchange { $0.append(worker) } }
        return try body(worker)
    }

    private func exchange<Result>(_ body: (inout [Worker]) -> Result) -> Result {
        isFree.wait()
        defer { isFree.signal() }
        return body(&idle)
    }
}
