import Checkpoints
public import Expressions
public import Foundations

/// A condition that a diff must not fulfil, such as `rel_l2 > 1e-3` or `changed("encoder.*")`.
///
/// Names are those of ``DiffQuantity``, asked of each change: a condition with names holds if it does for any of them.
/// `changed("glob")`, `added("glob")` and `removed("glob")` are asked of the whole diff: whether that happened to any
/// path that matches; renamed and moved parameters are changed at their old and at their new path.
public struct DiffGate: Sendable {
    /// The condition.
    public let expression: QueryExpression
    private let isAboutTensors: Bool

    /// Reads a condition.
    public init(parsing text: String) throws(ExpressionError) {
        expression = try QueryExpression(parsing: text)
        try expression.requireNames(
            in: DiffQuantity.names, functions: DiffGate.functions.keys)
        isAboutTensors = !expression.names.isEmpty
    }

    /// What came of it.
    public struct Outcome: Sendable {
        /// The condition, as it was written.
        public let condition: String
        /// Whether it holds: the gate fails.
        public let holds: Bool
        /// The changes that it holds for, or that `changed(…)` and the like found, as indices into
        /// ``ModelDiff/changes``.
        public let changes: [Int]
        /// The quantities that it mentions, in order.
        public let quantities: [DiffQuantity]
    }

    /// Asks the condition of a diff.
    ///
    /// - Throws: ``DiffGateError`` where a function has other arguments than one text.
    public func evaluate(_ diff: ModelDiff) throws -> Outcome {
        let whole = WholeScope(diff)
        func outcome(_ holds: Bool, _ changes: [Int]) -> Outcome {
            Outcome(
                condition: expression.text, holds: holds, changes: changes,
                quantities: expression.names.compactMap { DiffQuantity(name: $0) })
        }
        guard isAboutTensors else {
            let holds = try expression.holds(in: whole)
            return outcome(holds, holds ? whole.found.sorted() : [])
        }
        let changes = try diff.changes.indices.filter { index in
            try expression.holds(in: ChangeScope(change: diff.changes[index], whole: whole))
        }
        return outcome(!changes.isEmpty, changes)
    }

    fileprivate static let functions: [String: @Sendable (WeightChange) -> [CheckpointPath]] = [
        "changed": { change in
            change.kind == .changed ? [change.path] : [change.path, change.oldPath].compactMap { $0 }
        },
        "added": { $0.kind == .added ? [$0.path] : [] },
        "removed": { $0.kind == .removed ? [$0.path] : [] },
    ]
}

/// A function of a condition that was called with other arguments than it takes.
public enum DiffGateError: Error, Equatable {
    /// Not one text.
    case badArguments(function: String)
}

extension DiffGateError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .badArguments(let function):
            "\(function)(…) takes one pattern in quotes, as in \(function)(\"encoder.*\")"
        }
    }
}

/// The diff as a whole: functions, no names.
private final class WholeScope: ExpressionScope {
    private let diff: ModelDiff
    private var answers: [String: Bool] = [:]
    /// The changes that functions found.
    private(set) var found: Set<Int> = []

    init(_ diff: ModelDiff) { self.diff = diff }

    func value(of name: String) -> ExpressionValue? { nil }

    func value(calling function: String, with arguments: [ExpressionValue]) throws -> ExpressionValue? {
        guard let paths = DiffGate.functions[function] else { return nil }
        guard arguments.count == 1, case .text(let pattern) = arguments[0] else {
            throw DiffGateError.badArguments(function: function)
        }
        if let answer = answers["\(function) \(pattern)"] { return .truth(answer) }
        let selection = PathSelection([pattern])
        let matching = diff.changes.indices.filter { index in
            (try? selection.selects(paths(diff.changes[index])).contains(true)) ?? false
        }
        found.formUnion(matching)
        answers["\(function) \(pattern)"] = !matching.isEmpty
        return .truth(!matching.isEmpty)
    }
}

/// One change: names, and the functions of the whole.
private struct ChangeScope: ExpressionScope {
    let change: WeightChange
    let whole: WholeScope

    func value(of name: String) -> ExpressionValue? {
        DiffQuantity(name: name)?.value(of: change)
    }

    func value(calling function: String, with arguments: [ExpressionValue]) throws -> ExpressionValue? {
        try whole.value(calling: function, with: arguments)
    }
}

extension DiffGateError: CategorisedError {
    /// A condition that cannot be understood.
    public var category: ErrorCategory { .usage }
}
