import Synchronization

/// Programs that tests write and run. One at a time: a program started by another thread inherits the file that is being
/// written, and what somebody has open for writing cannot be run.
enum Programs {
    private static let lock = Mutex(())

    static func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
        try lock.withLock { _ in try body() }
    }
}
