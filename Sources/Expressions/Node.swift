/// A part of an expression.
indirect enum Node: Sendable, Equatable {
    case literal(ExpressionValue)
    case name(String)
    case isDefined(String)
    case call(String, [Node])
    case not(Node)
    case and(Node, Node)
    case or(Node, Node)
    case compare(Node, Comparison, Node)
    case calculate(Node, Operator, Node)
}

/// How two values are compared.
enum Comparison: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
}

/// What is done with two numbers.
enum Operator: Sendable {
    case add, subtract, multiply, divide, remainder
}

extension Node {
    /// What it comes to; `nil` if that depends on something unknown.
    func value(in scope: some ExpressionScope) throws -> ExpressionValue? {
        switch self {
        case .literal(let value): return value
        case .name(let name): return try scope.value(of: name)
        case .isDefined(let name): return .truth(try scope.value(of: name) != nil)
        case .call(let function, let arguments):
            var values: [ExpressionValue] = []
            for argument in arguments {
                guard let value = try argument.value(in: scope) else { return nil }
                values.append(value)
            }
            return try scope.value(calling: function, with: values)
        case .not(let node): return try node.value(in: scope).map { .truth(!$0.isTrue) }
        case .and(let left, let right):
            let first = try left.value(in: scope)?.isTrue
            if first == false { return .truth(false) }
            let second = try right.value(in: scope)?.isTrue
            return second == false ? .truth(false) : first == nil || second == nil ? nil : .truth(true)
        case .or(let left, let right):
            let first = try left.value(in: scope)?.isTrue
            if first == true { return .truth(true) }
            let second = try right.value(in: scope)?.isTrue
            return second == true ? .truth(true) : first == nil || second == nil ? nil : .truth(false)
        case .compare(let left, let comparison, let right):
            guard let left = try left.value(in: scope), let right = try right.value(in: scope) else {
                return nil
            }
            return .truth(comparison.holds(left, right))
        case .calculate(let left, let operation, let right):
            guard let left = try left.value(in: scope)?.number, let right = try right.value(in: scope)?.number
            else { return nil }
            return .number(operation(left, right))
        }
    }

    var names: [String] {
        switch self {
        case .literal: []
        case .name(let name), .isDefined(let name): [name]
        case .call(_, let arguments): arguments.flatMap(\.names)
        case .not(let node): node.names
        case .and(let left, let right), .or(let left, let right), .compare(let left, _, let right),
            .calculate(let left, _, let right):
            left.names + right.names
        }
    }

    var functions: [String] {
        switch self {
        case .literal, .name, .isDefined: []
        case .call(let function, let arguments): [function] + arguments.flatMap(\.functions)
        case .not(let node): node.functions
        case .and(let left, let right), .or(let left, let right), .compare(let left, _, let right),
            .calculate(let left, _, let right):
            left.functions + right.functions
        }
    }
}

extension ExpressionValue {
    /// As a number: true is 1. A text is none.
    fileprivate var number: Double? {
        switch self {
        case .number(let number): number
        case .truth(let truth): truth ? 1 : 0
        case .text: nil
        }
    }
}

extension Comparison {
    /// Compares numbers as IEEE 754 does, and texts by their Unicode scalars.
    fileprivate func holds(_ left: ExpressionValue, _ right: ExpressionValue) -> Bool {
        if let left = left.number, let right = right.number { return holds(left, right) }
        if case .text(let left) = left, case .text(let right) = right { return holds(left, right) }
        return self == .notEqual
    }

    private func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .equal: left == right
        case .notEqual: left != right
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        }
    }
}

extension Operator {
    fileprivate func callAsFunction(_ left: Double, _ right: Double) -> Double {
        switch self {
        case .add: left + right
        case .subtract: left - right
        case .multiply: left * right
        case .divide: left / right
        case .remainder: left.truncatingRemainder(dividingBy: right)
        }
    }
}
