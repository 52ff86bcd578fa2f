import Checkpoints
import Glibc

/// Which leaves of a checkpoint to load.
struct Selection {
    private let patterns: [String]

    /// Leaves whose path matches one of `patterns`, or lies below a container that does; all where there are none.
    ///
    /// In a pattern `*` stands for any text, `?` for one character, `[a-z]` for one of several.
    init(_ patterns: [String]) {
        self.patterns = patterns
    }

    /// For each of `paths`, whether it is selected.
    ///
    /// - Throws: ``RegistryError/noMatch(patterns:suggestion:)`` when none is.
    func selects(_ paths: [CheckpointPath]) throws(RegistryError) -> [Bool] {
        guard !patterns.isEmpty else { return paths.map { _ in true } }
        let selected = paths.map { path in
            patterns.contains { pattern in
                path.text == pattern || path.text.hasPrefix(pattern + "/") || fnmatch(pattern, path.text, 0) == 0
            }
        }
        guard selected.contains(true) else {
            let suggestion = patterns.lazy.compactMap { Suggestion.closest(to: $0, among: paths.map(\.text)) }.first
            throw .noMatch(patterns: patterns, suggestion: suggestion)
        }
        return selected
    }
}
