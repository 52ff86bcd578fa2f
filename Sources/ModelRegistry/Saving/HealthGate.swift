public import Expressions

/// What a version must not have: `nan > 0 or l2_norm > 1e4`, asked of each of its tensors before it is saved.
///
/// Names are ``TensorFacts/names``. Of a type without NaN or a norm they are not known, and conditions on them do
/// not hold.
public struct HealthGate: Sendable {
    /// What happens to a version that has it.
    public enum Action: Hashable, Sendable {
        /// It is not saved.
        case refuse
        /// It is saved, and its fact `unhealthy` lists the tensors.
        case mark
    }

    /// What no tensor must fulfil.
    public let condition: QueryExpression
    /// What happens otherwise.
    public let action: Action

    /// A gate.
    ///
    /// - Throws: `ExpressionError` for what is no condition on a tensor.
    public init(_ condition: String = HealthGate.notFinite, action: Action = .refuse) throws(ExpressionError) {
        let expression = try QueryExpression(parsing: condition)
        try expression.requireNames(in: TensorFacts.names, functions: [])
        self.condition = expression
        self.action = action
    }

    /// Refuses NaN and infinities.
    public static let notFinite = "nan > 0 or infinity > 0"

    /// The fact that lists the tensors for which a version was marked.
    public static let attribute = "unhealthy"
}

/// What conditions can ask of a tensor.
public struct TensorFacts: Hashable, Sendable, ExpressionScope {
    /// Its path in the checkpoint.
    public let path: String
    /// What one element is.
    public let dtype: String
    /// Number of elements.
    public let count: Int
    /// Its bytes.
    public let byteCount: Int
    /// Elements that are not a number; `nil` where the type has none.
    public let nanCount: Int?
    /// Elements that are infinite; `nil` where the type has none.
    public let infinityCount: Int?
    /// Elements that are zero.
    public let zeroCount: Int?
    /// Least finite element.
    public let minimum: Double?
    /// Greatest finite element.
    public let maximum: Double?
    /// Square root of the sum of squares of the finite elements.
    public let l2Norm: Double?

    /// The names that conditions may use. `zeros` is the share of zeros, 0 to 1; `rms` is the norm of a typical
    /// element; `inf` is another spelling of `infinity`.
    public static let names = [
        "path", "dtype", "count", "byte_count", "nan", "infinity", "inf", "zero", "zeros", "minimum", "maximum",
        "l2_norm",
        "rms",
    ]

    /// The share of zeros, 0 to 1; `nil` where not known or empty.
    public var zeroShare: Double? { count > 0 ? zeroCount.map { Double($0) / Double(count) } : nil }

    /// The value of one of ``names``.
    public func value(of name: String) -> ExpressionValue? {
        func number(_ value: Int?) -> ExpressionValue? { value.map { .number(Double($0)) } }
        return switch name {
        case "path": .text(path)
        case "dtype": .text(dtype)
        case "count": number(count)
        case "byte_count": number(byteCount)
        case "nan": number(nanCount)
        case "infinity", "inf": number(infinityCount)
        case "zero": number(zeroCount)
        case "zeros": zeroShare.map { .number($0) }
        case "minimum": minimum.map { .number($0) }
        case "maximum": maximum.map { .number($0) }
        case "l2_norm": l2Norm.map { .number($0) }
        case "rms": count > 0 ? l2Norm.map { .number($0 / Double(count).squareRoot()) } : nil
        default: nil
        }
    }

    /// What is wrong with it, in a few words: `3 NaN, l2 norm 12.5`.
    var text: String {
        var parts: [String] = []
        if let nanCount, nanCount > 0 { parts.append("\(nanCount) NaN") }
        if let infinityCount, infinityCount > 0 { parts.append("\(infinityCount) infinite") }
        if let l2Norm { parts.append("l2 norm \(TensorFacts.short(l2Norm))") }
        if parts.isEmpty, let minimum, let maximum { parts.append("\(minimum) to \(maximum)") }
        return parts.joined(separator: ", ")
    }

    /// Four digits, which is enough to see what is out of bounds.
    static func short(_ number: Double) -> String {
        guard number.isFinite, number != 0 else { return "\(number)" }
        var scale = 1.0
        while abs(number) * scale < 1000, scale < 1e300 { scale *= 10 }
        let rounded = (number * scale).rounded() / scale
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
    }
}
