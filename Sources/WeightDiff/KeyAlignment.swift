import Checkpoints
public import Foundations

/// How the names of two checkpoints are made to agree before they are compared, as when another framework wrote one.
public struct KeyAlignment: Sendable {
    /// Taken off the old paths that begin so.
    public var oldPrefix: String
    /// Taken off the new paths that begin so.
    public var newPrefix: String
    /// Applied to the old paths, one after the other, once the prefix is off.
    public var renames: [Rename]

    /// Aligns nothing, unless told to.
    public init(oldPrefix: String = "", newPrefix: String = "", renames: [Rename] = []) {
        self.oldPrefix = oldPrefix
        self.newPrefix = newPrefix
        self.renames = renames
    }

    /// Whether names stay as they are.
    public var isEmpty: Bool { oldPrefix.isEmpty && newPrefix.isEmpty && renames.isEmpty }

    /// A regular expression, and what becomes of each of its matches.
    public struct Rename: Sendable {
        let pattern: String
        let replacement: String

        /// Reads `REGEX=REPLACEMENT`, cut at the last `=`. In the replacement `\1` to `\9` stand for what the groups
        /// matched, `\0` for all of it, and `\\` for a backslash.
        ///
        /// - Throws: ``KeyAlignmentError``.
        public init(parsing text: String) throws(KeyAlignmentError) {
            guard let equals = text.lastIndex(of: "="), equals > text.startIndex else {
                throw .noReplacement(text)
            }
            pattern = String(text[..<equals])
            replacement = String(text[text.index(after: equals)...])
            _ = try regex()
        }

        func regex() throws(KeyAlignmentError) -> Regex<AnyRegexOutput> {
            do {
                return try Regex(pattern)
            } catch {
                throw .badPattern(pattern, problem: "\(error)")
            }
        }

        fileprivate func replacement(for match: Regex<AnyRegexOutput>.Match) -> String {
            var result = ""
            var rest = replacement[...]
            while let character = rest.popFirst() {
                guard character == "\\", let next = rest.popFirst() else {
                    result.append(character)
                    continue
                }
                if let group = next.wholeNumberValue {
                    if group < match.output.count { result += match.output[group].substring ?? "" }
                } else {
                    result.append(next)
                }
            }
            return result
        }
    }
}

/// A rename that cannot be read.
public enum KeyAlignmentError: Error, Equatable {
    /// No `=`, or nothing before it.
    case noReplacement(String)
    /// Not a regular expression.
    case badPattern(String, problem: String)
}

extension KeyAlignmentError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .noReplacement(let text): "\"\(text)\" is not REGEX=REPLACEMENT"
        case .badPattern(let pattern, let problem):
            "\"\(pattern)\" is not a regular expression: "
                + problem.split(separator: "\n").joined(separator: " ")
        }
    }
}

extension KeyAlignment {
    /// The old paths under the names that they are compared by.
    ///
    /// - Complexity: O(n · m) for n paths and m renames.
    func old(_ paths: [CheckpointPath]) throws(KeyAlignmentError) -> [CheckpointPath] {
        var regexes: [(Regex<AnyRegexOutput>, Rename)] = []
        for rename in renames { regexes.append((try rename.regex(), rename)) }
        return paths.map { path in
            var text = KeyAlignment.without(oldPrefix, path.text)
            for (regex, rename) in regexes {
                text = text.replacing(regex) { rename.replacement(for: $0) }
            }
            return KeyAlignment.path(text, from: path)
        }
    }

    /// The new paths under the names that they are compared by.
    func new(_ paths: [CheckpointPath]) -> [CheckpointPath] {
        paths.map { KeyAlignment.path(KeyAlignment.without(newPrefix, $0.text), from: $0) }
    }

    private static func without(_ prefix: String, _ text: String) -> String {
        guard !prefix.isEmpty, text.utf8.starts(with: prefix.utf8) else { return text }
        return String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    private static func path(_ text: String, from path: CheckpointPath) -> CheckpointPath {
        text.utf8.elementsEqual(path.text.utf8) ? path : CheckpointPath(escaped: text)
    }
}

extension KeyAlignmentError: CategorisedError {
    /// Names that cannot be aligned as asked for.
    public var category: ErrorCategory { .usage }
}
