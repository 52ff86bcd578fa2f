/// A view of a ``Storage`` as an array of elements.
///
/// A class, as in PyTorch: two names for one tensor see the same elements, and a parameter is known by identity.
public final class Tensor {
    /// What one element is.
    public let dtype: DType

    /// Length of each axis; empty for a scalar (0-d) tensor.
    public let shape: [Int]

    /// For each axis, the distance in elements from one index to the next. Not negative.
    public let strides: [Int]

    /// Position of the first element in the storage, in elements.
    public let offset: Int

    /// The bytes that this tensor is a view of.
    public let storage: Storage

    /// Describes a view of `storage`.
    ///
    /// - Parameters:
    ///   - strides: In elements; `nil` for contiguous, row-major.
    ///   - offset: In elements.
    /// - Throws: ``TensorError`` when the view does not lie within the storage, or its size overflows.
    public init(
        storage: Storage, dtype: DType, shape: [Int], strides: [Int]? = nil, offset: Int = 0
    ) throws(TensorError) {
        let strides = try TensorGeometry.checkedStrides(strides, shape: shape)
        let span = try TensorGeometry.span(dtype: dtype, shape: shape, strides: strides, offset: offset)
        guard span.upperBound <= storage.byteCount else {
            throw .outOfStorage(shape: shape, needs: span.upperBound, has: storage.byteCount)
        }
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.storage = storage
    }

    /// A contiguous tensor with storage of its own.
    ///
    /// - Precondition: `storage` has exactly the bytes that `shape` needs.
    init(contiguous storage: Storage, dtype: DType, shape: [Int]) {
        self.dtype = dtype
        self.shape = shape
        strides = TensorGeometry.contiguousStrides(shape)
        offset = 0
        self.storage = storage
        precondition(dtype.byteCount(elementCount: elementCount) == storage.byteCount)
    }
}

extension Tensor {
    /// Number of elements; 1 for a scalar tensor, 0 where an axis is empty.
    public var elementCount: Int { shape.reduce(1, *) }

    /// Bytes that the elements take when packed. May be less or more than the storage has.
    public var byteCount: Int { (elementCount * dtype.bitWidth) / 8 }

    /// Whether the elements follow each other in row-major order without gaps.
    public var isContiguous: Bool { TensorGeometry.isContiguous(shape: shape, strides: strides) }

    /// The bytes of the storage that the view's elements lie in, gaps included.
    public var storageSpan: Range<Int> {
        // The initialiser has checked this very computation.
        guard let span = try? TensorGeometry.span(dtype: dtype, shape: shape, strides: strides, offset: offset)
        else { preconditionFailure("tensor with an unchecked geometry") }
        return span
    }
}
