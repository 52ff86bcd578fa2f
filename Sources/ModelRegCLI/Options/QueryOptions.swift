import ArgumentParser
import Foundations
import ModelReg

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
    ///
    /// - Parameter ofTensors: Whether it is about tensors, and not about metrics, whose names may have slashes.
    func filter(ofTensors: Bool = false) throws -> QueryExpression? {
        try condition.map { try QueryExpression(parsing: $0, slashesJoinNames: !ofTensors) }
    }

    /// The order.
    func keys(ofTensors: Bool = false) throws -> [SortKey] {
        try sort.map { try SortKey(parsing: $0, slashesJoinNames: !ofTensors) }
    }

    /// Names that the condition or the order mentions.
    func names(ofTensors: Bool = false) throws -> [String] {
        let all =
            (try filter(ofTensors: ofTensors).map { [$0] } ?? [])
            + (try keys(ofTensors: ofTensors).map(\.expression))
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
