public import Foundations

/// A stored structure that is not one: the registry is damaged.
public enum StructureError: Error, Equatable {
    /// Something else was expected at this byte.
    case unexpected(byteOffset: Int)
    /// Nested deeper than ``Checkpoint/maximumDepth``.
    case tooDeep
    /// One key twice.
    case duplicateKey(String)
}

extension StructureError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .unexpected(let offset): "stored structure is damaged at byte \(offset)"
        case .tooDeep: "stored structure is nested more than \(Checkpoint.maximumDepth) deep"
        case .duplicateKey(let key): "stored structure has the key \(quoted(key)) twice"
        }
    }
}

extension StructureError: CategorisedError {
    /// Stored structure that is damaged.
    public var category: ErrorCategory { .badData }
}
