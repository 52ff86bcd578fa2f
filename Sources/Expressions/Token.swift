/// A word or sign of an expression.
struct Token: Equatable {
    enum Kind: Equatable {
        case number(Double)
        case text(String)
        case name(String)
        /// `and`, `or`, `not`, `true`, `false`; spelled `&&`, `||`, `!` as well.
        case keyword(String)
        /// Operators, parentheses, the comma.
        case sign(String)
    }

    let kind: Kind
    /// As it is written.
    let spelling: String
    /// Its first character, from 0.
    let offset: Int
}

/// Cuts a text into tokens.
struct Tokenizer {
    private let text: String
    private let characters: [Character]
    private let slashesJoinNames: Bool
    private var position = 0

    init(_ text: String, slashesJoinNames: Bool = false) {
        self.text = text
        self.slashesJoinNames = slashesJoinNames
        characters = Array(text)
    }

    /// All tokens of the text.
    mutating func tokens() throws(ExpressionError) -> [Token] {
        var tokens: [Token] = []
        while true {
            while position < characters.count, characters[position].isWhitespace { position += 1 }
            guard position < characters.count else { return tokens }
            let start = position
            let kind = try next()
            tokens.append(Token(kind: kind, spelling: String(characters[start..<position]), offset: start))
        }
    }

    private mutating func next() throws(ExpressionError) -> Token.Kind {
        let first = characters[position]
        switch first {
        case "\"", "'": return .text(try quoted())
        case "`": return .name(try quoted())
        case _ where first.isDigit || first == "." && following?.isDigit == true: return try number()
        case _ where first.isWordStart: return word()
        default: return try sign()
        }
    }

    private var following: Character? {
        position + 1 < characters.count ? characters[position + 1] : nil
    }

    /// A text up to its closing quote; a backslash takes the character after it as it is.
    private mutating func quoted() throws(ExpressionError) -> String {
        let (quote, start) = (characters[position], position)
        var content = ""
        position += 1
        while position < characters.count {
            defer { position += 1 }
            if characters[position] == quote { return content }
            if characters[position] == "\\", following != nil { position += 1 }
            content.append(characters[position])
        }
        throw ExpressionError(text: text, offset: start, problem: .unterminated)
    }

    private mutating func number() throws(ExpressionError) -> Token.Kind {
        let start = position
        while position < characters.count {
            let isSignOfExponent =
                "+-".contains(characters[position]) && position > start
                && "eE".contains(characters[position - 1])
            guard characters[position].isWordPart || isSignOfExponent else { break }
            position += 1
        }
        let spelling = String(characters[start..<position])
        guard !spelling.contains(where: { $0.isLetter && !"eE".contains($0) }), let number = Double(spelling)
        else {
            throw ExpressionError(text: text, offset: start, problem: .notNumber(spelling))
        }
        return .number(number)
    }

    private mutating func word() -> Token.Kind {
        let start = position
        while position < characters.count {
            let isJoint = slashesJoinNames && characters[position] == "/" && following?.isWordStart == true
            guard characters[position].isWordPart || isJoint else { break }
            position += 1
        }
        let word = String(characters[start..<position])
        return ["and", "or", "not", "true", "false"].contains(word.lowercased())
            ? .keyword(word.lowercased()) : .name(word)
    }

    private mutating func sign() throws(ExpressionError) -> Token.Kind {
        let two = following.map { String([characters[position], $0]) }
        switch two {
        case "&&":
            position += 2
            return .keyword("and")
        case "||":
            position += 2
            return .keyword("or")
        case "==", "!=", "<=", ">=":
            position += 2
            return .sign(String(characters[position - 2..<position]))
        default: break
        }
        let one = String(characters[position])
        guard "=<>+-*/%(),!".contains(one) else {
            throw ExpressionError(
                text: text, offset: position, problem: .expected("a value or an operator", found: one))
        }
        position += 1
        return one == "!" ? .keyword("not") : .sign(one == "=" ? "==" : one)
    }
}

extension Character {
    fileprivate var isDigit: Bool { "0"..."9" ~= self }
    fileprivate var isWordStart: Bool { isLetter || self == "_" }
    fileprivate var isWordPart: Bool { isLetter || isDigit || self == "_" || self == "." }
}
