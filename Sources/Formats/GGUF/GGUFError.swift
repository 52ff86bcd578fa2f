import Foundations
public import Tensors

/// A GGUF file that is damaged, or that cannot be kept.
public enum GGUFError: FormatError, Equatable {
    /// A version that is not known.
    case version(UInt32)
    /// The file ends within the header.
    case cutShort
    /// A header above ``GGUFHeader/maximumByteCount``.
    case headerTooLong
    /// More tensors than are read.
    case tooManyTensors(UInt64)
    /// More keys than are read.
    case tooManyKeys(UInt64)
    /// A key or name that is longer than any should be.
    case nameTooLong(byteCount: Int)
    /// Keys and names that are too long together.
    case namesTooLong
    /// A type of metadata that is not known.
    case valueType(key: String, UInt32)
    /// A boolean that is neither 0 nor 1.
    case boolean(key: String, UInt8)
    /// Arrays within arrays, too many.
    case tooDeep(key: String)
    /// An invalid alignment.
    case alignment
    /// A key that appears twice.
    case duplicateKey(String)
    /// A key that is used here for what no file says.
    case reservedKey(String)
    /// A name that appears twice.
    case duplicateName(String)
    /// More axes than ggml has.
    case tooManyAxes(name: String, count: UInt32)
    /// A length beyond what an integer holds.
    case length(name: String)
    /// Rows that are no whole number of blocks.
    case blocks(name: String, type: String, elementCount: Int)
    /// An invalid shape.
    case tensor(name: String, TensorError)
    /// Bytes of a tensor beyond the end of the file, and how many are missing of all tensors; `nil` where more than any
    /// file has.
    case dataCutShort(name: String, missing: Int?)
    /// A tensor that does not start where the one before it ends.
    case offset(name: String, UInt64)
    /// Bytes after the last tensor.
    case trailingBytes(count: Int)
    /// Asked to write what only `load` can give back.
    case unwritable

    /// One line, lower case.
    public var description: String {
        switch self {
        case .version(1): "GGUF of version 1, which is not supported; convert the model to GGUF anew"
        case .version(let version) where 1...3 ~= version.byteSwapped:
            "GGUF in big-endian byte order, which is not supported; gguf-convert-endian turns it around"
        case .version(let version): "GGUF of version \(version); known are 2 and 3"
        case .cutShort: "the file is cut short within the GGUF header"
        case .headerTooLong: "GGUF header of more than \(GGUFHeader.maximumByteCount) bytes, which are not read"
        case .tooManyTensors(let count):
            "GGUF with \(count) tensors; at most \(GGUFHeader.maximumTensorCount) are read"
        case .tooManyKeys(let count):
            "GGUF with \(count) keys of metadata; at most \(GGUFHeader.maximumKeyCount) are read"
        case .nameTooLong(let byteCount):
            "name of \(byteCount) bytes; at most \(GGUFHeader.maximumNameByteCount) are read"
        case .namesTooLong:
            "keys and names of more than \(GGUFHeader.maximumNamesByteCount) bytes together, which are not read"
        case .valueType(let key, let number): "\(quoted(key)) has the unknown type \(number)"
        case .boolean(let key, let byte): "\(quoted(key)) is a boolean of value \(byte)"
        case .tooDeep(let key): "\(quoted(key)) is nested too deep"
        case .alignment: "\"general.alignment\" is no power of two from 8 to 4096"
        case .duplicateKey(let key): "the metadata has \(quoted(key)) twice"
        case .reservedKey(let key): "the metadata has \(quoted(key)), a key that modelreg keeps for itself"
        case .duplicateName(let name): "two tensors are called \(quoted(name))"
        case .tooManyAxes(let name, let count):
            "\(quoted(name)) has \(count) axes; at most \(GGUFHeader.maximumRank) are read"
        case .length(let name): "\(quoted(name)) is impossibly large"
        case .blocks(let name, let type, let elementCount):
            "\(quoted(name)) is \(type), whose rows are multiples of \(elementCount) elements, but this one's are not"
        case .tensor(let name, let error): "\(quoted(name)): \(error)"
        case .dataCutShort(let name, let missing):
            "the file is cut short" + (missing.map { " by \($0) bytes or more" } ?? "")
                + ": \(quoted(name)) lies beyond its end"
        case .offset(let name, let offset):
            "\(quoted(name)) at offset \(offset) overlaps the tensor before it, or leaves a hole"
        case .trailingBytes(let count): "\(count) bytes after the last tensor belong to none"
        case .unwritable: "GGUF is not written anew; save it as safetensors"
        }
    }
}
