/// A condition or a formula that a user wrote: `rel_l2 > 1e-3`, `accuracy > 0.97 and lr <= 1e-3`,
/// `changed("encoder.*")`.
///
/// Binding from loose to tight: `or`, `and`, `not`, comparisons (`==` or `=`, `!=`, `<`, `<=`, `>`, `>=`, which chain
/// as in `0 < x < 1`), `+ -`, `* / %`, the sign. A name that is not a word, such as a metric `val/loss`, stands in
/// backquotes; texts stand in single or double quotes. `defined(name)` asks whether a name has a value.
///
/// What is not known is neither true nor false, as NULL in SQL: a comparison with it, and its negation, do not hold,
/// but `unknown or true` does. Texts and numbers are never equal, and neither is before the other.
public struct QueryExpression: Sendable, Equatable {
    /// As it was written.
    public let text: String
    let root: Node

    /// Reads an expression of at most ``maximumByteCount`` bytes.
    ///
    /// - Parameter slashesJoinNames: Whether `val/loss` is one name, as those of metrics are, and a quotient has a space
    ///   beside its sign.
    /// - Complexity: O(n) for n bytes.
    public init(parsing text: String, slashesJoinNames: Bool = false) throws(ExpressionError) {
        guard text.utf8.count <= Self.maximumByteCount else {
            throw ExpressionError(text: String(text.prefix(40)), offset: 0, problem: .tooLong)
        }
        self.text = text
        var parser = try ExpressionParser(text, slashesJoinNames: slashesJoinNames)
        root = try parser.parse()
    }

    /// Bytes that an expression may have.
    public static let maximumByteCount = 10_000

    /// What it comes to; `nil` if that depends on something unknown.
    ///
    /// - Throws: What `scope` throws.
    /// - Complexity: O(n) calls of `scope` for n names.
    public func value(in scope: some ExpressionScope) throws -> ExpressionValue? {
        try root.value(in: scope)
    }

    /// Whether it is true: a number other than 0 is, a text that is not empty is, and what is unknown is not.
    ///
    /// - Throws: What `scope` throws.
    public func holds(in scope: some ExpressionScope) throws -> Bool {
        try value(in: scope)?.isTrue ?? false
    }

    /// The names that it mentions, each once, in order.
    public var names: [String] {
        var seen = Set<String>()
        return root.names.filter { seen.insert($0).inserted }
    }

    /// The functions that it calls, each once, in order.
    public var functions: [String] {
        var seen = Set<String>()
        return root.functions.filter { seen.insert($0).inserted }
    }

    /// Checks that it mentions nothing but these.
    ///
    /// - Throws: ``ExpressionError`` that names the first other one.
    public func requireNames(
        in names: some Sequence<String>, functions: some Sequence<String>
    ) throws(ExpressionError) {
        let (names, functions) = (Set(names), Set(functions))
        if let name = self.names.first(where: { !names.contains($0) }) {
            throw ExpressionError(text: text, offset: 0, problem: .unknownName(name, known: names.sorted()))
        }
        if let function = self.functions.first(where: { !functions.contains($0) }) {
            throw ExpressionError(
                text: text, offset: 0, problem: .unknownFunction(function, known: functions.sorted()))
        }
    }
}

extension ExpressionValue {
    var isTrue: Bool {
        switch self {
        case .truth(let truth): truth
        case .number(let number): number != 0
        case .text(let text): !text.isEmpty
        }
    }
}
