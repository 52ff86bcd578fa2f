import CModelReg
import Dispatch
import Foundations
import ModelReg

/// How often a call looks whether it shall stop.
private let pollMilliseconds = 5

/// Calls `body`, which ends with `CancellationError` soon after the number at `flag` is other than 0.
///
/// - Parameter flag: `nil` for a call that nobody cancels.
func cancellable<Value>(_ flag: UnsafePointer<Int32>?, _ body: @escaping () throws -> Value) throws -> Value {
    guard let flag else { return try body() }
    guard flag.pointee == 0 else { throw CancellationError() }
    let job = Job(body)
    let task = Task.detached { await job.run() }
    while job.isDone.wait(timeout: .now() + .milliseconds(pollMilliseconds)) == .timedOut {
        if flag.pointee != 0 { task.cancel() }
    }
    guard let outcome = job.outcome else { throw CancellationError() }
    return try outcome.get()
}

/// A call on another thread, for which the caller's thread waits.
///
/// Unchecked: the outcome is written before the semaphore is signalled, and read after it.
private final class Job<Value>: @unchecked Sendable {
    let isDone = DispatchSemaphore(value: 0)
    private(set) var outcome: Result<Value, any Error>?
    private let body: () throws -> Value

    init(_ body: @escaping () throws -> Value) { self.body = body }

    func run() async {
        try? await BlockingExecutor.run { self.outcome = Result { try self.body() } }
        isDone.signal()
    }
}

/// A handler that tells a C function.
func handler(_ progress: mr_progress?, _ context: UnsafeMutableRawPointer?) -> ProgressHandler? {
    guard let progress else { return nil }
    let listener = Listener(progress: progress, context: context)
    return { done, total in listener.progress(listener.context, Int64(done), Int64(total)) }
}

/// Unchecked: the caller says that its function may be called from any thread.
private struct Listener: @unchecked Sendable {
    let progress: mr_progress
    let context: UnsafeMutableRawPointer?
}
