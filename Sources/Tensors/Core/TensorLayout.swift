/// How a tensor's elements lie in a storage that is there (`Base` is ``Storage``) or is only numbered (`Int`).
package struct TensorLayout<Base> {
    /// What the tensor is a view of.
    package let storage: Base
    /// What one element is.
    package let dtype: DType
    /// Length of each axis.
    package let shape: [Int]
    /// For each axis, the distance in elements from one index to the next.
    package let strides: [Int]
    /// Position of the first element in the storage, in elements.
    package let offset: Int

    /// Describes a view of `storage`.
    ///
    /// - Parameter strides: `nil` for contiguous, row-major.
    package init(storage: Base, dtype: DType, shape: [Int], strides: [Int]? = nil, offset: Int = 0) {
        self.storage = storage
        self.dtype = dtype
        self.shape = shape
        self.strides = strides ?? TensorGeometry.contiguousStrides(shape)
        self.offset = offset
    }

    /// The same view of another storage, whose first element is `shift` elements into this one.
    package func moved<Other>(to other: Other, shift: Int = 0) -> TensorLayout<Other> {
        TensorLayout<Other>(
            storage: other, dtype: dtype, shape: shape, strides: strides, offset: offset - shift)
    }
}

extension TensorLayout: Sendable where Base: Sendable {}
extension TensorLayout: Equatable where Base: Equatable {}
extension TensorLayout: Hashable where Base: Hashable {}

extension Tensor {
    /// How the elements lie in the tensor's storage.
    package var layout: TensorLayout<Storage> {
        TensorLayout(storage: storage, dtype: dtype, shape: shape, strides: strides, offset: offset)
    }

    /// The tensor that `layout` describes.
    ///
    /// - Throws: ``TensorError`` when it does not lie within its storage, or its size overflows.
    package convenience init(_ layout: TensorLayout<Storage>) throws(TensorError) {
        try self.init(
            storage: layout.storage, dtype: layout.dtype, shape: layout.shape, strides: layout.strides,
            offset: layout.offset)
    }
}
