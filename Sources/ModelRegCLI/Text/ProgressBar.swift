import Foundations
import Glibc
import Synchronization

/// A bar on standard error, while something takes long enough to be worth one.
final class ProgressBar: @unchecked Sendable {
    private let label: String
    private let isShown: Bool
    private var lastDrawn: UInt64 = 0
    private let started = ProgressBar.milliseconds()
    private let lock = Mutex<Void>(())

    init(_ label: String, _ options: GlobalOptions) {
        self.label = label
        isShown = options.showsProgress && isatty(STDERR_FILENO) == 1
    }

    /// A handler for the library; `nil` where nobody would see the bar.
    var handler: (@Sendable (Int, Int) -> Void)? {
        guard isShown else { return nil }
        return { done, total in self.draw(done, total) }
    }

    private func draw(_ done: Int, _ total: Int) {
        lock.withLock { _ in
            let now = ProgressBar.milliseconds()
            guard total > 0, now - started > 300, now - lastDrawn > 100 || done == total else { return }
            lastDrawn = now
            let width = 30
            let filled = min(width, width * done / total)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
            Output.write(
                "\r\(label) [\(bar)] \(100 * done / total) %  \(ByteCount.text(done)) of \(ByteCount.text(total))  ",
                to: STDERR_FILENO)
        }
    }

    /// Removes the bar.
    func clear() {
        lock.withLock { _ in if lastDrawn > 0 { Output.write("\r\u{1B}[2K", to: STDERR_FILENO) } }
    }

    private static func milliseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
