import Dispatch
import Synchronization

/// Does one piece of work in the background while the caller prepares the next: at most two are in memory.
final class BackgroundWriter: Sendable {
    private let queue = DispatchQueue(label: "modelreg.writer")
    private let isFree = DispatchSemaphore(value: 1)
    private let failure = Mutex<(any Error)?>(nil)

    /// Starts `work` as soon as the work before it is done, and returns.
    ///
    /// - Throws: What earlier work threw; then `work` does not begin.
    func enqueue(_ work: @escaping @Sendable () throws -> Void) throws {
        isFree.wait()
        if let error = failure.withLock({ $0 }) {
            isFree.signal()
            throw error
        }
        queue.async {
            do { try work() } catch { self.failure.withLock { $0 = error } }
            self.isFree.signal()
        }
    }

    /// Waits for the last work.
    ///
    /// - Throws: What any work threw.
    func finish() throws {
        isFree.wait()
        isFree.signal()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
