import Glibc
import Synchronization

/// A thread of the system, for work that would hold up a pool.
package final class BackgroundThread: Sendable {
    private let thread: Mutex<pthread_t?>

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread that calls `body`.
    ///
    /// - Throws: ``ThreadError``.
    package init(_ body: @escaping @Sendable () -> Void) throws {
        var started = pthread_t()
        let argument = Unmanaged.passRetained(Body(body)).toOpaque()
        let code = pthread_create(
            &started, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, argument)
        guard code == 0 else {
            Unmanaged<Body>.fromOpaque(argument).release()
            throw ThreadError(code: code)
        }
        thread = Mutex(started)
    }

    /// Waits until the thread's work is done.
    package func join() {
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let running { pthread_join(running, nil) }
    }
}

/// A thread that the system did not start.
package struct ThreadError: Error, CustomStringConvertible {
    let code: Int32

    package var description: String { "cannot start a thread: \(String(cString: strerror(code)))" }
}
