import Foundations
import Glibc

/// Rows as RFC 4180 writes them.
struct CSVTable {
    private(set) var lines: [String]

    init(_ columns: [String]) { lines = [CSVTable.line(columns)] }

    mutating func add(_ row: [String]) { lines.append(CSVTable.line(row)) }

    /// Prints all; to a terminal without what would command it.
    func print() {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        Output.write(
            lines.map { (isTerminal ? Output.shown($0) : $0) + "\r\n" }.joined(), to: STDOUT_FILENO)
    }

    private static func line(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") }

    private static func field(_ text: String) -> String {
        guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
