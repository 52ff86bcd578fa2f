import Foundations
import Glibc
import Synchronization

/// Standard output for results, standard error for messages.
enum Output {
    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// Many lines at once.
    static func lines(_ lines: [String]) {
        write(lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
    }

    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// The first few of `names`, which may come from a file, and how many more there are.
    static func listed(_ names: [String]) -> String {
        let shown = names.prefix(3).map { printable($0, limit: 200) }.joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }

    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // A reader that has gone, as `head` does, is no error worth a message.
            guard count > 0 else { exit(errno == EPIPE ? 0 : ExitStatus.inputOutput.rawValue) }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Whether standard output is a terminal that wants colour.
    static var hasColour: Bool {
        isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil
            && getenv("TERM").map { String(cString: $0) } != "dumb"
    }
}

/// Colours of a terminal; plain text elsewhere.
enum Style: String {
    case green = "32"
    case red = "31"
    case yellow = "33"
    case dim = "2"
    case bold = "1"

    func callAsFunction(_ text: String) -> String {
        Output.hasColour ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

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
