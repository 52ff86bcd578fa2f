import Foundations
import Glibc

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
