/// Reads an expression by recursive descent.
struct ExpressionParser {
    private let text: String
    private let tokens: [Token]
    private var position = 0
    private var depth = 0

    /// Nodes within each other that may be read, for the stack's sake.
    private static let maximumDepth = 100

    init(_ text: String, slashesJoinNames: Bool = false) throws(ExpressionError) {
        self.text = text
        var tokenizer = Tokenizer(text, slashesJoinNames: slashesJoinNames)
        tokens = try tokenizer.tokens()
    }

    mutating func parse() throws(ExpressionError) -> Node {
        let node = try disjunction()
        if let token { throw unexpected("an operator or the end", at: token) }
        return node
    }

    // MARK: From loose to tight

    private mutating func disjunction() throws(ExpressionError) -> Node {
        var node = try conjunction()
        while take(.keyword("or")) { node = .or(node, try conjunction()) }
        return node
    }

    private mutating func conjunction() throws(ExpressionError) -> Node {
        var node = try negation()
        while take(.keyword("and")) { node = .and(node, try negation()) }
        return node
    }

    private mutating func negation() throws(ExpressionError) -> Node {
        guard take(.keyword("not")) else { return try comparison() }
        return .not(try nested { parser throws(ExpressionError) in try parser.negation() })
    }

    private mutating func comparison() throws(ExpressionError) -> Node {
        var left = try sum()
        var node: Node?
        while let comparison = takeSign(Comparison.self) {
            let right = try sum()
            let pair = Node.compare(left, comparison, right)
            node = node.map { .and($0, pair) } ?? pair
            left = right
        }
        return node ?? left
    }

    private mutating func sum() throws(ExpressionError) -> Node {
        var node = try product()
        while let sign = takeSign(AdditiveSign.self) {
            node = .calculate(node, sign == .plus ? .add : .subtract, try product())
        }
        return node
    }

    private mutating func product() throws(ExpressionError) -> Node {
        var node = try signed()
        while let sign = takeSign(MultiplicativeSign.self) {
            node = .calculate(node, sign.operation, try signed())
        }
        return node
    }

    private mutating func signed() throws(ExpressionError) -> Node {
        guard take(.sign("-")) else { return try primary() }
        return .calculate(
            .literal(.number(0)), .subtract,
            try nested { parser throws(ExpressionError) in try parser.signed() })
    }

    private mutating func primary() throws(ExpressionError) -> Node {
        guard let token else { throw unexpected("a value", at: nil) }
        position += 1
        switch token.kind {
        case .number(let number): return .literal(.number(number))
        case .text(let text): return .literal(.text(text))
        case .keyword("true"): return .literal(.truth(true))
        case .keyword("false"): return .literal(.truth(false))
        case .name(let name):
            guard take(.sign("(")) else { return .name(name) }
            let arguments = try arguments()
            guard name == "defined" else { return .call(name, arguments) }
            guard arguments.count == 1, case .name(let asked) = arguments[0] else {
                throw unexpected("one name in defined(…)", at: token)
            }
            return .isDefined(asked)
        case .sign("("):
            let node = try nested { parser throws(ExpressionError) in try parser.disjunction() }
            try require(")")
            return node
        default: throw unexpected("a value", at: token)
        }
    }

    /// What stands between the parentheses of a call, the first of which is taken.
    private mutating func arguments() throws(ExpressionError) -> [Node] {
        var arguments: [Node] = []
        if take(.sign(")")) { return arguments }
        repeat {
            arguments.append(try nested { parser throws(ExpressionError) in try parser.disjunction() })
        } while take(.sign(","))
        try require(")")
        return arguments
    }

    // MARK: Tokens

    private var token: Token? { position < tokens.count ? tokens[position] : nil }

    private mutating func take(_ kind: Token.Kind) -> Bool {
        guard token?.kind == kind else { return false }
        position += 1
        return true
    }

    private mutating func takeSign<Sign: RawRepresentable<String>>(_: Sign.Type) -> Sign? {
        guard case .sign(let spelling)? = token?.kind, let sign = Sign(rawValue: spelling) else { return nil }
        position += 1
        return sign
    }

    private mutating func require(_ sign: String) throws(ExpressionError) {
        guard take(.sign(sign)) else { throw unexpected("\"\(sign)\"", at: token) }
    }

    private mutating func nested(
        _ parse: (inout ExpressionParser) throws(ExpressionError) -> Node
    ) throws(ExpressionError) -> Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else {
            throw ExpressionError(text: text, offset: token?.offset ?? 0, problem: .tooDeep)
        }
        return try parse(&self)
    }

    private func unexpected(_ what: String, at token: Token?) -> ExpressionError {
        ExpressionError(
            text: text, offset: token?.offset ?? text.count, problem: .expected(what, found: token?.spelling))
    }
}

private enum AdditiveSign: String {
    case plus = "+"
    case minus = "-"
}

private enum MultiplicativeSign: String {
    case times = "*"
    case over = "/"
    case modulo = "%"

    var operation: Operator {
        switch self {
        case .times: .multiply
        case .over: .divide
        case .modulo: .remainder
        }
    }
}
