import Foundations
import Glibc

/// Standard output for results, standard error for messages.
enum Output {
    static func line(_ text: String) { write(shown(text) + "\n", to: STDOUT_FILENO) }

    /// Many lines at once.
    static func lines(_ lines: [String]) {
        write(lines.map { shown($0) + "\n" }.joined(), to: STDOUT_FILENO)
    }

    static func error(_ text: String) { write(shown(text) + "\n", to: STDERR_FILENO) }

    /// `text` without what commands a terminal, but for line ends and the sequences of ``Style``.
    ///
    /// What comes from a file or a row is printable before it becomes part of a line; here nothing is missed.
    static func shown(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F || $0 == 0x0A }) { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var result = ""
            var rest = line
            while let escape = rest.firstIndex(of: "\u{1B}") {
                result += printable(String(rest[..<escape]))
                rest = rest[escape...]
                let sequence = Style.sequences.first { rest.hasPrefix($0) } ?? ""
                result += sequence.isEmpty ? printable("\u{1B}") : sequence
                rest = rest.dropFirst(max(1, sequence.count))
            }
            return result + printable(String(rest))
        }.joined(separator: "\n")
    }

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
