import Foundations
public import Tensors

/// A NumPy array that is damaged.
public enum NumPyError: FormatError, Equatable {
    /// Does not begin as an array does.
    case noArray
    /// A version that is not known.
    case version(UInt8, UInt8)
    /// Ends within its header.
    case cutShort
    /// A header above ``NumPyHeader/maximumByteCount``.
    case headerTooLong(byteCount: Int)
    /// A header that is not the dictionary it should be.
    case header
    /// An invalid shape.
    case tensor(TensorError)
    /// Another number of bytes than the shape needs.
    case byteCount(dtype: DType, shape: [Int], needs: Int, has: Int)
    /// Another number of bytes than elements of a type that is not read need.
    case opaqueByteCount(type: String, shape: [Int], needs: Int, has: Int)
    /// An array of an archive that would take more memory than is left.
    case inflatesTooLarge(byteCount: Int, maximum: Int)
    /// Something in an archive that is no array.
    case entry(String)
    /// An array of an archive that cannot be read.
    indirect case array(String, NumPyError)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .noArray: "not a NumPy array"
        case .version(let major, let minor): "NumPy array of version \(major).\(minor); known are 1.0 to 3.0"
        case .cutShort: "the NumPy array is cut short"
        case .headerTooLong(let byteCount):
            "NumPy header of \(byteCount) bytes; at most \(NumPyHeader.maximumByteCount) are read"
        case .header: "the header of the NumPy array is damaged"
        case .tensor(let error): "NumPy array: \(error)"
        case .byteCount(let dtype, let shape, let needs, let has):
            (has < needs ? "cut short by \(needs - has) bytes: " : "")
                + "the NumPy array is \(dtype) of shape \(shape), \(needs) bytes, but \(has) follow"
        case .opaqueByteCount(let type, let shape, let needs, let has):
            "the NumPy array is \(quoted(type)) of shape \(shape), \(needs) bytes, but \(has) follow"
        case .inflatesTooLarge(let byteCount, let maximum):
            "would inflate to \(byteCount) bytes; compressed arrays are held in memory, those of one file together up to "
                + "\(maximum) bytes; save them with numpy.savez, which does not compress"
        case .entry(let name): "\(quoted(name)) in the archive is no NumPy array"
        case .array(let name, let error): "\(quoted(name)): \(error)"
        }
    }
}
