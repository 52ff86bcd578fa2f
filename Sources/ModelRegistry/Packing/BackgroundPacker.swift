import Dispatch
import Foundations
import Glibc
import Synchronization

/// Packs in the background, one model after the other, on the processors that the caller leaves free.
final class BackgroundPacker: Sendable {
    private let queue = DispatchQueue(label: "modelreg.packer")
    private let failure = Mutex<(any Error)?>(nil)

    /// One processor is left to the caller.
    private static let threadCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1)

    /// Starts `work` when all work before it is done.
    func enqueue(_ work: @escaping @Sendable () throws -> Void) {
        queue.async {
            do {
                try ConcurrentMap.withThreadLimit(BackgroundPacker.threadCount, work)
            } catch {
                self.failure.withLock { if $0 == nil { $0 = error } }
            }
        }
    }

    /// Waits for all work.
    ///
    /// - Throws: The first error since the last call.
    func wait() throws {
        queue.sync {}
        let error = failure.withLock { failure in
            defer { failure = nil }
            return failure
        }
        if let error { throw error }
    }
}
