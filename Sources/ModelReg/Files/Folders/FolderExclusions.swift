import Foundations

/// Names that are left out of a folder, as `.gitignore` says it: the last pattern that stands for a name decides.
struct FolderExclusions {
    /// What no model is made of: what version control, file browsers, Python and downloads keep beside it.
    static let defaults = [".git", ".cache", ".DS_Store", "__pycache__", ".ipynb_checkpoints"]

    /// The file of a folder that lists more of them, one a line.
    static let fileName = ".modelregignore"

    private struct Rule {
        /// Patterns of names that follow each other; `nil` for `**`, any number of names.
        let names: [Glob?]
        /// Whether the names begin at the folder itself, and are not those of a file anywhere in it.
        let isAnchored: Bool
        let isForFoldersOnly: Bool
        let isKept: Bool
    }

    private var rules: [Rule] = []

    /// The usual ones.
    init() {
        for pattern in FolderExclusions.defaults { add(pattern) }
    }

    /// Adds the lines of a file; empty ones and those that begin with `#` say nothing.
    mutating func add(lines text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let pattern =
                line.last?.isWhitespace == true
                ? line.prefix(through: line.lastIndex { !$0.isWhitespace } ?? line.startIndex) : line
            guard !pattern.hasPrefix("#"), pattern.contains(where: { !$0.isWhitespace }) else { continue }
            add(String(pattern))
        }
    }

    /// Adds a pattern. `!` before it keeps what earlier ones leave out, `/` after it stands for folders only.
    mutating func add(_ pattern: String) {
        var text = pattern[...]
        let isKept = text.first == "!"
        if isKept { text.removeFirst() }
        let isForFoldersOnly = text.last == "/"
        if isForFoldersOnly { text.removeLast() }
        let isAnchored = text.contains("/")
        let names = text.split(separator: "/").map { $0 == "**" ? nil : Glob(String($0)) }
        guard !names.isEmpty else { return }
        rules.append(
            Rule(names: names, isAnchored: isAnchored, isForFoldersOnly: isForFoldersOnly, isKept: isKept))
    }

    /// Whether the file or folder of this name below the folder is left out.
    func excludes(_ name: String, isFolder: Bool) -> Bool {
        let names = name.split(separator: "/").map(String.init)
        let rule = rules.last { rule in
            (isFolder || !rule.isForFoldersOnly)
                && FolderExclusions.matches(rule.names[...], rule.isAnchored ? names[...] : names.suffix(1))
        }
        return rule.map { !$0.isKept } ?? false
    }

    private static func matches(_ patterns: ArraySlice<Glob?>, _ names: ArraySlice<String>) -> Bool {
        guard let pattern = patterns.first else { return names.isEmpty }
        guard let pattern else {
            return (names.startIndex...names.endIndex).contains { matches(patterns.dropFirst(), names[$0...]) }
        }
        guard let name = names.first else { return false }
        return pattern.matches(name) && matches(patterns.dropFirst(), names.dropFirst())
    }
}
