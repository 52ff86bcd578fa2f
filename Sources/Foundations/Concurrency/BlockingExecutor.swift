import Dispatch

/// Runs parts of tasks that block, on threads of their own: the threads that tasks share are for work that does not.
package final class BlockingExecutor: TaskExecutor {
    /// The executor of all calls that block.
    package static let shared = BlockingExecutor()

    private let queue = DispatchQueue(label: "modelreg.blocking", attributes: .concurrent)

    private init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Calls `body`, which blocks, within the calling task.
    package static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await withTaskExecutorPreference(shared) { try await apart(body) }
    }

    /// Leaves the actor of the caller.
    @concurrent private static func apart<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws
        -> Result
    {
        try body()
    }
}
