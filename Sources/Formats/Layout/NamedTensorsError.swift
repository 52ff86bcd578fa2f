public import Checkpoints
public import Foundations
public import Tensors

/// Something that a format which holds nothing but tensors by name cannot hold.
public struct NamedTensorsError: Error, Equatable {
    /// What the format is called.
    public let format: String

    /// What it cannot hold.
    public let problem: Problem

    /// Describes what `format` cannot hold.
    public init(format: String, problem: Problem) {
        self.format = format
        self.problem = problem
    }

    /// What a format cannot hold.
    public enum Problem: Equatable, Sendable {
        /// The checkpoint is no dictionary.
        case notDictionary(_ kind: String)
        /// A key that is no text.
        case key(CheckpointKey)
        /// A value that is no tensor.
        case value(path: String, kind: String)
        /// A dtype that the format does not have.
        case dtype(path: String, DType)
        /// Two names that differ in bytes but that Unicode holds to be the same text.
        case sameText(String)
        /// Two paths that have one name when they are joined by dots.
        case sameName(String, _ path: String, _ other: String)
        /// Two names for one storage.
        case tied(String, String)
    }
}

extension NamedTensorsError {
    /// Whether joining nested names, untying tensors and leaving out plain values can help.
    public var isHelpedByFlattening: Bool {
        switch problem {
        case .notDictionary, .key, .value, .tied: true
        case .dtype, .sameText, .sameName: false
        }
    }
}

extension NamedTensorsError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch problem {
        case .notDictionary(let kind):
            "\(format) holds named tensors only, this is \(kind); save it as a PyTorch file"
        case .key(let key):
            "\(format) holds names only, and the key \(printable("\(key)")) is not a name; save it as a PyTorch file"
        case .value(let path, let kind):
            "\(format) holds tensors only, \(quoted(path)) is \(kind); save it as a PyTorch file"
        case .dtype(let path, let dtype):
            "\(format) has no \(dtype), which \(quoted(path)) is; save it as \(otherFormat(for: dtype))"
        case .sameText(let name):
            "two names look the same, \(quoted(name)), and differ in bytes alone; save it as a PyTorch file"
        case .sameName(let name, let path, let other):
            "\(quoted(path)) and \(quoted(other)) would both be called \(quoted(name)); save it as a PyTorch file"
        case .tied(let first, let second):
            "\(format) holds no tied tensors, \(quoted(first)) and \(quoted(second)) are; save it as a PyTorch file"
        }
    }

    private func otherFormat(for dtype: DType) -> String {
        dtype.safetensorsRank == nil ? "a PyTorch file" : "safetensors"
    }
}

extension NamedTensorsError: CategorisedError {
    /// A checkpoint that the format asked for cannot hold.
    public var category: ErrorCategory { .usage }
}
