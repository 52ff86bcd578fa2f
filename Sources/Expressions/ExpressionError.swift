public import Foundations

/// Why a text is not an expression, or not one that can be asked here.
public struct ExpressionError: Error, Equatable {
    /// What was wrong.
    public enum Problem: Equatable, Sendable {
        /// Longer than ``Expression/maximumByteCount``.
        case tooLong
        /// More parentheses, signs or negations within each other than can be read.
        case tooDeep
        /// Something else stands there (`nil`: the end) than what must.
        case expected(String, found: String?)
        /// A text, or a name in backquotes, has no end.
        case unterminated
        /// A number that no 64-bit float is, such as `1.2.3`.
        case notNumber(String)
        /// A name that has no meaning here.
        case unknownName(String, known: [String])
        /// A function that has no meaning here.
        case unknownFunction(String, known: [String])
    }

    /// The expression, or its beginning.
    public let text: String
    /// The character where the problem is, from 0.
    public let offset: Int
    /// What was wrong.
    public let problem: Problem

    /// Describes a problem.
    public init(text: String, offset: Int, problem: Problem) {
        self.text = text
        self.offset = offset
        self.problem = problem
    }
}

extension ExpressionError: CustomStringConvertible {
    /// A sentence of one line.
    public var description: String { printable(sentence) }

    private var sentence: String {
        switch problem {
        case .tooLong: "\"\(text)…\": an expression may have \(QueryExpression.maximumByteCount) bytes"
        case .tooDeep: "\"\(text)\": too many parentheses within each other\(place)"
        case .expected(let what, nil): "\"\(text)\": expected \(what) at the end"
        case .expected(let what, let found?): "\"\(text)\": expected \(what), not \"\(found)\"\(place)"
        case .unterminated: "\"\(text)\": the quote has no end\(place)"
        case .notNumber(let number): "\"\(text)\": \"\(number)\" is not a number\(place)"
        case .unknownName(let name, let known):
            "\"\(text)\": \"\(name)\" is not known here; there is \(list(known))"
        case .unknownFunction(let name, let known):
            "\"\(text)\": the function \"\(name)\" is not known here; there is \(list(known))"
        }
    }

    private var place: String { ", character \(offset + 1)" }

    private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}

extension ExpressionError: CategorisedError {
    /// An expression that cannot be understood.
    public var category: ErrorCategory { .usage }
}
