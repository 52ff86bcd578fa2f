/// A view of a ``Storage`` as an array of elements.
///
/// A class, as in PyTorch: two names for one tensor see the same elements, and a parameter is known by identity.
///
/// Arithmetic makes new tensors; only subscripts, ``copy(from:)`` and ``fill(_:)`` write into one. A tensor is not
/// `Sendable`: hand ``StateDict/snapshot()`` to other threads.
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
    public private(set) var storage: Storage

    /// Number of elements; 1 for a scalar tensor, 0 where an axis is empty.
    public let elementCount: Int

    /// Whether the elements follow each other in row-major order without gaps.
    public let isContiguous: Bool

    /// The gradient that ``backward(gradient:retainGraph:)`` has added up here; `nil` before the first.
    ///
    /// Only leaves that require one get a gradient. Same shape and dtype as the tensor.
    public var grad: Tensor?

    /// What made this tensor, where a gradient has to flow through it.
    var node: GradientNode?

    /// What sees the gradient of this leaf first.
    var leafHooks: GradientHooks?

    /// Whether this is a leaf whose gradient is wanted.
    var isTrackedLeaf = false

    /// Whether ``node`` is that of a view: writing to it would have to change its base's history.
    var isTrackedView = false

    /// Whether this is a number in an expression, which adopts the other operand's dtype.
    let isWeakScalar: Bool

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
        elementCount = shape.reduce(1, *)
        isContiguous = TensorGeometry.isContiguous(shape: shape, strides: strides)
        isWeakScalar = false
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
        elementCount = shape.reduce(1, *)
        isContiguous = true
        isWeakScalar = false
        precondition(dtype.byteCount(elementCount: elementCount) == storage.byteCount)
    }

    /// A view whose geometry follows from that of a checked tensor.
    init(
        unchecked storage: Storage, dtype: DType, shape: [Int], strides: [Int], offset: Int, elementCount: Int,
        isContiguous: Bool, isWeakScalar: Bool = false
    ) {
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.storage = storage
        self.elementCount = elementCount
        self.isContiguous = isContiguous
        self.isWeakScalar = isWeakScalar
    }

    /// Whether no other tensor shares the storage. The caller knows about the tensor itself.
    func ownsStorageAlone() -> Bool { isKnownUniquelyReferenced(&storage) }
}

extension Tensor {
    /// Bytes that the elements take when packed. May be less or more than the storage has.
    public var byteCount: Int { (elementCount * dtype.bitWidth) / 8 }

    /// Number of axes; 0 for a scalar tensor.
    public var rank: Int { shape.count }

    /// The bytes of the storage that the view's elements lie in, gaps included.
    public var storageSpan: Range<Int> {
        // The initialiser has checked this very computation.
        guard let span = try? TensorGeometry.span(dtype: dtype, shape: shape, strides: strides, offset: offset)
        else { preconditionFailure("tensor with an unchecked geometry") }
        return span
    }
}
