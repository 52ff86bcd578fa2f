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
