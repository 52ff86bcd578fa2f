public import Checkpoints
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
        /// Two names for one storage.
        case tied(String, String)
    }
}

extension NamedTensorsError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch problem {
        case .notDictionary(let kind):
            "\(format) holds named tensors only, this is \(kind); save it as a PyTorch file"
        case .key(let key):
            "\(format) holds names only, the key \(printable("\(key)")) is none; save it as a PyTorch file"
        case .value(let path, let kind):
            "\(format) holds tensors only, \(quoted(path)) is \(kind); save it as a PyTorch file"
        case .dtype(let path, let dtype):
            "\(format) has no \(dtype), which \(quoted(path)) is; save it as \(otherFormat(for: dtype))"
        case .tied(let first, let second):
            "\(format) holds no tied tensors, \(quoted(first)) and \(quoted(second)) are; save it as a PyTorch file"
        }
    }

    private func otherFormat(for dtype: DType) -> String {
        dtype.safetensorsRank == nil ? "a PyTorch file" : "safetensors"
    }
}
