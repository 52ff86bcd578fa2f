/// An order by a quantity: `accuracy`, or `-accuracy` for the highest first. What is not known or not a number
/// comes last, equals stay as they were.
public struct SortKey: Sendable {
    /// The quantity.
    public let expression: QueryExpression
    /// Whether the highest comes first.
    public let isDescending: Bool

    /// Reads `accuracy`, `-val/accuracy`, `-(loss / step)`.
    ///
    /// - Parameter slashesJoinNames: Whether `val/accuracy` is one name.
    /// - Throws: `ExpressionError`.
    public init(parsing text: String, slashesJoinNames: Bool = true) throws(ExpressionError) {
        isDescending = text.hasPrefix("-")
        expression = try QueryExpression(
            parsing: isDescending ? String(text.dropFirst()) : text, slashesJoinNames: slashesJoinNames)
    }

    /// Sorts by several keys, the first of which decides first.
    public static func sorted<Item: ExpressionScope>(_ items: [Item], by keys: [SortKey]) throws -> [Item] {
        guard !keys.isEmpty else { return items }
        let values = try items.map { item in try keys.map { try $0.expression.value(in: item) } }
        let order = items.indices.sorted { left, right in
            for (index, key) in keys.enumerated() {
                switch compare(values[left][index], values[right][index], isDescending: key.isDescending) {
                case 0: continue
                case let sign: return sign < 0
                }
            }
            return left < right
        }
        return order.map { items[$0] }
    }

    /// Negative where `left` comes first. Numbers come before texts.
    private static func compare(_ left: ExpressionValue?, _ right: ExpressionValue?, isDescending: Bool) -> Int
    {
        func rank(_ value: ExpressionValue?) -> Int {
            switch value {
            case .number(let number): number.isNaN ? 2 : 0
            case .truth: 0
            case .text: 1
            case nil: 2
            }
        }
        guard rank(left) == rank(right) else { return rank(left) - rank(right) }
        func number(_ value: ExpressionValue?) -> Double {
            switch value {
            case .number(let number): number
            case .truth(let truth): truth ? 1 : 0
            default: 0
            }
        }
        let sign: Int
        if case .text(let left) = left, case .text(let right) = right {
            sign = left < right ? -1 : left > right ? 1 : 0
        } else if rank(left) == 2 {
            sign = 0
        } else {
            sign = number(left) < number(right) ? -1 : number(left) > number(right) ? 1 : 0
        }
        return isDescending ? -sign : sign
    }
}
