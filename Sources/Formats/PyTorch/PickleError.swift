import Foundations
public import Tensors

/// A pickle that is damaged, wants to run code, or builds what cannot be kept.
public struct PickleError: FormatError, Equatable {
    /// Which pickle: its name in the archive.
    public let source: String

    /// What is wrong with it.
    public let problem: Problem

    /// What is wrong with a pickle. Offsets are bytes from its start; paths are keys joined by `/`.
    public enum Problem: Equatable, Sendable {
        /// Too long to be read.
        case tooLong(byteCount: Int, maximum: Int)
        /// A protocol that is not known.
        case protocolVersion(UInt8)
        /// Ends before its last operation.
        case cutShort
        /// An operation that does not exist, or that no checkpoint needs.
        case operation(UInt8, offset: Int)
        /// An operation on something else than it works on.
        case expected(_ what: String, offset: Int)
        /// A value taken from a memo that has none there.
        case memo(index: UInt32, offset: Int)
        /// Text that is not UTF-8.
        case invalidText(offset: Int)
        /// A number that is none, or that has too many digits.
        case integer(offset: Int)
        /// Builds more than its size can justify.
        case tooMuch
        /// Bytes after the last operation.
        case trailingBytes(count: Int)
        /// A value that a checkpoint cannot hold.
        case value(path: String, what: String)
        /// A NumPy array that does not have as many bytes as its shape needs.
        case array(path: String, dtype: DType, shape: [Int])
        /// Containers within containers, too many or within themselves.
        case tooDeep(path: String)
        /// A tensor that does not fit its storage or is none.
        case tensor(path: String, TensorError)
        /// A tensor whose elements repeat beyond measure.
        case expanded(path: String, byteCount: Int, storageByteCount: Int)
        /// A storage that the archive does not have.
        case noStorage(path: String, key: String)
        /// A storage of another size than the pickle says.
        case storage(path: String, key: String, elementCount: Int64, dtype: DType, byteCount: Int)
    }
}

extension PickleError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch problem {
        case .tooLong(let byteCount, let maximum):
            "\(source) has \(byteCount) bytes; at most \(maximum) are read"
        case .protocolVersion(let version):
            "\(source) is written in pickle protocol \(version); known are 0 to 5"
        case .cutShort: "\(source) is cut short"
        case .operation(let code, let offset):
            "\(source) has the operation 0x\(String(code, radix: 16)) at byte \(offset), which no checkpoint needs"
        case .expected(let what, let offset): "\(source) has no \(what) at byte \(offset), where it needs one"
        case .memo(let index, let offset): "\(source) uses memo \(index) at byte \(offset) before it is set"
        case .invalidText(let offset): "\(source) has text at byte \(offset) that is not valid UTF-8"
        case .integer(let offset): "\(source) has a number at byte \(offset) that is none, or too long"
        case .tooMuch: "\(source) builds far more values than a file of its size can hold"
        case .trailingBytes(let count): "\(source) has \(count) bytes after its end"
        case .value(let path, let what): "\(subject(path)) is \(what), which a checkpoint cannot hold"
        case .array(let path, let dtype, let shape):
            "\(subject(path)) is an array of \(dtype) of shape \(shape), but its bytes are of another number"
        case .tooDeep(let path): "\(source) is nested too deep, or contains itself, at \(quoted(path))"
        case .tensor(let path, let error): "\(subject(path)): \(error)"
        case .expanded(let path, let byteCount, let storageByteCount):
            "\(subject(path)) repeats a storage of \(storageByteCount) bytes to \(byteCount) bytes, beyond measure"
        case .noStorage(let path, let key): "\(subject(path)) needs storage \(quoted(key)), which is not there"
        case .storage(let path, let key, let elementCount, let dtype, let byteCount):
            "\(subject(path)) needs storage \(quoted(key)) of \(elementCount) \(dtype), but it has \(byteCount) bytes"
        }
    }

    /// The value at `path`, for a message.
    private func subject(_ path: String) -> String { path.isEmpty ? "the checkpoint" : quoted(path) }
}
