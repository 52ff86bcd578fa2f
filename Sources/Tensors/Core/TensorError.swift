public import Foundations

/// A shape, stride or size that does not describe a tensor.
public enum TensorError: Error, Equatable {
    /// A length below zero.
    case negativeLength(shape: [Int])
    /// More axes than ``TensorGeometry/maximumRank``.
    case tooManyAxes(count: Int)
    /// The number of bytes exceeds what an integer holds, or is no whole number of bytes.
    case overflow(shape: [Int])
    /// Not one stride for each axis.
    case strideCount(shape: [Int], strides: [Int])
    /// A stride below zero.
    case negativeStride(strides: [Int])
    /// An offset below zero.
    case negativeOffset(Int)
    /// A strided or shifted view of elements that are smaller than a byte.
    case packedView(dtype: DType)
    /// The view reaches past the end of its storage. Counts are bytes.
    case outOfStorage(shape: [Int], needs: Int, has: Int)
    /// The number of bytes given is not what the shape needs.
    case byteCount(dtype: DType, shape: [Int], needs: Int, has: Int)
}

extension TensorError: CustomStringConvertible {
    /// One line, lower case, with the values.
    public var description: String {
        switch self {
        case .negativeLength(let shape): "negative length in shape \(shape)"
        case .tooManyAxes(let count): "\(count) axes; at most \(TensorGeometry.maximumRank) are supported"
        case .overflow(let shape): "size of shape \(shape) overflows or is no whole number of bytes"
        case .strideCount(let shape, let strides): "strides \(strides) do not fit shape \(shape)"
        case .negativeStride(let strides): "negative stride in \(strides)"
        case .negativeOffset(let offset): "negative storage offset \(offset)"
        case .packedView(let dtype):
            "\(dtype) elements are smaller than a byte and cannot be strided or shifted"
        case .outOfStorage(let shape, let needs, let has):
            "shape \(shape) needs \(needs) bytes of storage, but there are \(has)"
        case .byteCount(let dtype, let shape, let needs, let has):
            "\(dtype) of shape \(shape) is \(needs) bytes, but \(has) were given"
        }
    }
}

extension TensorError: CategorisedError {
    /// Tensors that files or callers describe and that cannot be.
    public var category: ErrorCategory { .badData }
}
