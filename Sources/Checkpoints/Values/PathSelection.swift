public import Foundations

/// Which leaves of a checkpoint to load.
public struct PathSelection: Sendable {
    private let patterns: [String]
    private let globs: [Glob]

    /// Leaves whose path matches one of `patterns`, or lies below a container that does; all where there are none.
    ///
    /// In a pattern `*` stands for any text, `?` for one character, `[a-z]` for one of several.
    public init(_ patterns: [String]) {
        self.patterns = patterns
        globs = patterns.map { Glob($0) }
    }

    /// For each of `paths`, whether it is selected.
    ///
    /// - Throws: ``PathSelectionError`` when none is.
    public func selects(_ paths: [CheckpointPath]) throws(PathSelectionError) -> [Bool] {
        guard !patterns.isEmpty else { return paths.map { _ in true } }
        let selected = paths.map { path in
            zip(patterns, globs).contains { pattern, glob in
                path.text.hasSameBytes(as: pattern) || path.text.utf8.starts(with: "\(pattern)/".utf8)
                    || glob.matches(path.text)
            }
        }
        guard selected.contains(true) else {
            let suggestion = patterns.lazy.compactMap { Suggestion.closest(to: $0, among: paths.map(\.text)) }
                .first
            throw PathSelectionError(patterns: patterns, suggestion: suggestion)
        }
        return selected
    }
}

/// No leaf of a checkpoint matches any of the patterns.
public struct PathSelectionError: Error, Equatable {
    /// The patterns.
    public let patterns: [String]
    /// A path that was perhaps meant.
    public let suggestion: String?

    /// Describes a failed selection.
    public init(patterns: [String], suggestion: String?) {
        self.patterns = patterns
        self.suggestion = suggestion
    }
}

extension PathSelectionError: CustomStringConvertible {
    /// Such as `nothing in the checkpoint matches "hiden.weight" (did you mean "hidden.weight"?)`.
    public var description: String {
        "nothing in the checkpoint matches \(patterns.map(quoted).joined(separator: ", "))"
            + (suggestion.map { " (did you mean \(quoted($0))?)" } ?? "")
    }
}

extension PathSelectionError: CategorisedError {
    /// Paths that the checkpoint does not have.
    public var category: ErrorCategory { .noInput }
}
