import ArgumentParser
import Checkpoints
import Expressions
import Formats
import ModelRegistry

/// Which rows of a list are shown, and in which order.
struct QueryOptions: ParsableArguments {
    @Option(
        name: .customLong("where"),
        help: ArgumentHelp(
            "Only what fulfils a condition, such as 'accuracy > 0.97 and lr <= 1e-3'.", valueName: "condition"))
    var condition: String?

    @Option(
        name: .long, parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "In this order; a minus puts the highest first. May be repeated.", valueName: "quantity"))
    var sort: [String] = []

    @Flag(name: .long, help: "Print CSV, and nothing else, on standard output.")
    var csv = false

    /// Whether any of it was asked for.
    var isGiven: Bool { condition != nil || !sort.isEmpty || csv }

    /// The condition.
    func filter() throws -> Expression? { try condition.map { try Expression(parsing: $0) } }

    /// The order.
    func keys() throws -> [SortKey] { try sort.map { try SortKey(parsing: $0) } }

    /// Names that the condition or the order mentions.
    func names() throws -> [String] {
        let all = (try filter().map { [$0] } ?? []) + (try keys().map(\.expression))
        var seen: Set<String> = []
        return all.flatMap(\.names).filter { seen.insert($0).inserted }
    }

    /// Checks that the condition and the order call only what there is.
    func requireFunctions(_ functions: [String]) throws {
        for expression in (try filter().map { [$0] } ?? []) + (try keys().map(\.expression)) {
            try expression.requireNames(in: expression.names, functions: functions)
        }
    }

    /// Says which names nothing has: a typing error would otherwise look like an empty list.
    func warnOfUnknownNames<Item: ExpressionScope>(
        among items: [Item], _ options: GlobalOptions, known: [String], candidates: () -> [String]
    ) throws {
        guard !items.isEmpty else { return }
        for name in try names() where !known.contains(name) {
            if try items.contains(where: { try $0.value(of: name) != nil }) { continue }
            let suggestion = Suggestion.closest(to: name, among: candidates() + known)
            options.message(
                "note: nothing here has \"\(printable(name))\""
                    + (suggestion.map { " (did you mean \"\(printable($0))\"?)" } ?? ""))
        }
    }
}

/// Rows as RFC 4180 writes them.
struct CSVTable {
    private(set) var lines: [String]

    init(_ columns: [String]) { lines = [CSVTable.line(columns)] }

    mutating func add(_ row: [String]) { lines.append(CSVTable.line(row)) }

    /// Prints all.
    func print() { Output.write(lines.map { $0 + "\r\n" }.joined(), to: 1) }

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

/// Numbers for people.
enum Number {
    /// At most six digits: `0.9737`, `1.5e-05`, `12`.
    static func text(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        if value == value.rounded(), abs(value) < 1e15 { return "\(Int(value))" }
        return format(value, "%.6g")
    }

    /// `93.1 %` of a share.
    static func percent(_ share: Double) -> String { "\(format(100 * share, "%.1f")) %" }

    /// Hours, minutes and seconds: `1:02:03`, `12.5 s`.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "?" }
        if seconds < 60 { return "\(format(seconds, "%.1f")) s" }
        let whole = Int(seconds)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }
}
