import Foundations
import Glibc

/// The other screen of a terminal, as `less` and `top` use it: what was there before comes back at the end.
final class TerminalScreen {
    private let settings: termios
    /// Below everything.
    let hint = "q ends"

    /// Takes the screen over.
    ///
    /// - Throws: `FileError` where standard input is no terminal.
    init() throws {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw FileError(path: "standard input", operation: .read, code: errno)
        }
        self.settings = settings
        // Keys come at once and are not shown, Ctrl-C too: so the terminal is itself again at the end.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        TemporaryFiles.removeOnSignals(saying: "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
        // Lines that are too long end at the edge.
        Output.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l", to: STDOUT_FILENO)
    }

    /// Gives the screen back.
    func close() {
        var settings = settings
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        Output.write("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l", to: STDOUT_FILENO)
    }

    /// Draws all lines, without a moment in which nothing is there.
    func draw(_ lines: [String]) {
        let text = lines.map { Output.shown($0) + "\u{1B}[K" }.joined(separator: "\r\n")
        Output.write("\u{1B}[H\(text)\u{1B}[J", to: STDOUT_FILENO)
    }

    /// Waits, or until a key is hit.
    ///
    /// - Returns: Whether it was that to end.
    func waitsForEnd(seconds: Double) -> Bool {
        var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&input, 1, Int32(seconds * 1000)) > 0 else { return false }
        var key: UInt8 = 0
        let count = read(STDIN_FILENO, &key, 1)
        // End of input; Ctrl-C and Ctrl-D.
        return count <= 0 || key == UInt8(ascii: "q") || key == 3 || key == 4
    }

    /// The terminal's size; that of old ones where there is none.
    static func size() -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
