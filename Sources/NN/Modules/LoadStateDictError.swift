/// Names of a state dict that did not match a module.
public struct IncompatibleKeys: Equatable, Sendable {
    /// Names of the module that the state dict does not have.
    public var missing: [String]
    /// Names of the state dict that the module does not have.
    public var unexpected: [String]

    /// Whether every name matched.
    public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty }

    /// The names that did not match.
    public init(missing: [String] = [], unexpected: [String] = []) {
        self.missing = missing
        self.unexpected = unexpected
    }
}

extension IncompatibleKeys: CustomStringConvertible {
    /// PyTorch's words.
    public var description: String {
        isEmpty
            ? "<All keys matched successfully>"
            : "IncompatibleKeys(missing: \(missing), unexpected: \(unexpected))"
    }
}

/// All the reasons why a state dict cannot be loaded into a module. Nothing was written.
public struct LoadStateDictError: Error, Equatable {
    /// One reason.
    public enum Problem: Equatable, Sendable {
        /// The state dict lacks a name of the module.
        case missing(name: String)
        /// The module lacks a name of the state dict; `suggestion` is a missing name that is spelt much like it.
        case unexpected(name: String, suggestion: String?)
        /// Shapes differ.
        case shape(name: String, stateDict: [Int], module: [Int])
        /// Dtypes differ. Both are PyTorch's names.
        case dtype(name: String, stateDict: String, module: String)
        /// Two names of one tensor have different values in the state dict.
        case tiedValuesDiffer(name: String, other: String)
    }

    /// The module's class.
    public let module: String

    /// Every problem: missing names, unexpected ones, then the others in the module's order.
    public let problems: [Problem]
}

extension LoadStateDictError: CustomStringConvertible {
    /// One line for each problem.
    public var description: String {
        (["cannot load state dict into \(module):"] + problems.map { "  \($0)" }).joined(separator: "\n")
    }
}

extension LoadStateDictError.Problem: CustomStringConvertible {
    /// One line, lower case, with both sides.
    public var description: String {
        switch self {
        case .missing(let name): "missing: \"\(name)\""
        case .unexpected(let name, let suggestion):
            "unexpected: \"\(name)\"" + (suggestion.map { " (did you mean \"\($0)\"?)" } ?? "")
        case .shape(let name, let stateDict, let module):
            "shape of \"\(name)\": \(stateDict) in the checkpoint, \(module) in the model"
        case .dtype(let name, let stateDict, let module):
            "dtype of \"\(name)\": \(stateDict) in the checkpoint, \(module) in the model"
        case .tiedValuesDiffer(let name, let other):
            "\"\(name)\" and \"\(other)\" are one tensor in the model, but differ in the checkpoint"
        }
    }
}

/// Number of letters to insert, delete, replace or swap with their neighbour to turn one text into another
/// (Damerau 1964, optimal string alignment).
///
/// - Complexity: O(a.count · b.count).
func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
        var current = [i + 1]
        for j in b.indices {
            var best = min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, current[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforePrevious[j - 1] + 1) }
            current.append(best)
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[b.count]
}

/// The candidate that `name` is most likely a misspelling of, if any is close: a third of its letters at most.
func closestName(to name: String, among candidates: [String]) -> String? {
    let limit = max(1, name.utf8.count / 3)
    let scored = candidates.filter { abs($0.utf8.count - name.utf8.count) <= limit }.map {
        (name: $0, distance: editDistance(name, $0))
    }
    guard let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= limit else { return nil }
    return best.name
}
