/// What an expression, or a part of it, comes to.
///
/// Something that is not known has no value (`nil`): a metric that a version lacks, say.
public enum ExpressionValue: Equatable, Sendable {
    /// A number; integers too.
    case number(Double)
    /// A text.
    case text(String)
    /// True or false.
    case truth(Bool)
}

/// Where an expression finds the values of its names.
public protocol ExpressionScope {
    /// The value of a quantity such as `accuracy`; `nil` if it is not known here.
    func value(of name: String) throws -> ExpressionValue?

    /// The value of a call such as `changed("encoder.*")`; `nil` if it is not known here.
    func value(calling function: String, with arguments: [ExpressionValue]) throws -> ExpressionValue?
}

extension ExpressionScope {
    /// Nothing: a scope without functions.
    public func value(calling function: String, with arguments: [ExpressionValue]) throws -> ExpressionValue? {
        nil
    }
}
