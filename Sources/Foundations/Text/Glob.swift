/// A pattern for texts: `*` stands for any text, `?` for one character, `[a-z]` for one of several, `[!a-z]` for
/// one of all others; a backslash takes the meaning from what follows it.
///
/// Characters are Unicode scalars. (`fnmatch` sees bytes, and ends at a NUL.)
package struct Glob {
    private enum Token {
        case anyText
        case anyScalar
        case scalar(Unicode.Scalar)
        case oneOf([ClosedRange<Unicode.Scalar>], isNegated: Bool)
    }
    private var tokens: [Token] = []

    package init(_ pattern: String) {
        var rest = pattern.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": tokens.append(.anyText)
            case "?": tokens.append(.anyScalar)
            case "[":
                if let set = Glob.takeSet(&rest) { tokens.append(set) } else { tokens.append(.scalar(scalar)) }
            case "\\": tokens.append(.scalar(rest.popFirst() ?? scalar))
            default: tokens.append(.scalar(scalar))
            }
        }
    }

    /// What follows a `[` up to its `]`; `nil` where there is none.
    private static func takeSet(_ rest: inout Substring.UnicodeScalarView) -> Token? {
        var inside = rest
        let isNegated = inside.first == "!" || inside.first == "^"
        if isNegated { inside.removeFirst() }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while let first = inside.popFirst() {
            // A `]` at the start is one of the characters.
            if first == "]", !ranges.isEmpty {
                rest = inside
                return .oneOf(ranges, isNegated: isNegated)
            }
            var last = first
            if inside.first == "-", let end = inside.dropFirst().first, end != "]" {
                inside.removeFirst(2)
                last = end
            }
            // A range that goes backwards holds nothing but its start.
            ranges.append(first...max(first, last))
        }
        return nil
    }

    /// Whether the pattern stands for all of `text`.
    ///
    /// - Complexity: O(n · m) for a text of n characters and a pattern of m.
    package func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var token = 0
        var position = 0
        // Where to go on when the latest `*` takes one more character; earlier ones need not change.
        var retry: (token: Int, position: Int)?
        while true {
            if token < tokens.count, case .anyText = tokens[token] {
                token += 1
                retry = (token, position)
            } else if token < tokens.count, position < scalars.count,
                stands(tokens[token], for: scalars[position])
            {
                token += 1
                position += 1
            } else if token == tokens.count, position == scalars.count {
                return true
            } else if let (retryToken, retryPosition) = retry, retryPosition < scalars.count {
                retry = (retryToken, retryPosition + 1)
                token = retryToken
                position = retryPosition + 1
            } else {
                return false
            }
        }
    }

    private func stands(_ token: Token, for scalar: Unicode.Scalar) -> Bool {
        switch token {
        case .anyText: false
        case .anyScalar: true
        case .scalar(let expected): scalar == expected
        case .oneOf(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
        }
    }
}
