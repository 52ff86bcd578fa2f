import Dispatch
import Synchronization

/// Packs behind the caller's back, one model after the other.
final class BackgroundPacker: Sendable {
    private let queue = DispatchQueue(label: "modelreg.packer", qos: .utility)
    private let failure = Mutex<(any Error)?>(nil)

    /// Starts `work` when all work before it is done.
    func enqueue(_ work: @escaping @Sendable () throws -> Void) {
        queue.async {
            do {
                try work()
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
