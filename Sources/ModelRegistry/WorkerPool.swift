import Synchronization

/// Lends objects that are costly to make and used by one thread at a time.
final class WorkerPool<Worker: AnyObject>: @unchecked Sendable {
    private let make: @Sendable () -> Worker
    private let idle = Mutex<[ObjectIdentifier: Worker]>([:])

    init(_ make: @escaping @Sendable () -> Worker) {
        self.make = make
    }

    /// Calls `body` with a worker that nobody else has meanwhile.
    func withWorker<Result>(_ body: (Worker) throws -> Result) rethrows -> Result {
        let worker = take() ?? make()
        defer { giveBack(worker) }
        return try body(worker)
    }

    private func take() -> Worker? {
        nonisolated(unsafe) var taken: Worker?
        idle.withLock { idle in
            if let (key, worker) = idle.first {
                idle[key] = nil
                taken = worker
            }
        }
        return taken
    }

    private func giveBack(_ worker: Worker) {
        nonisolated(unsafe) let worker = worker
        idle.withLock { $0[ObjectIdentifier(worker)] = worker }
    }
}
