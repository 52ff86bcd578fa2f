import Tensors

extension SavePlan.View {
    /// Whether the view lies within a tensor of `byteCount` bytes, and its elements aligned in their storage.
    ///
    /// Where views of several types share a storage, a tensor need not begin on a multiple of every width.
    package func lies(within byteCount: Int) -> Bool {
        guard let placement else { return true }
        guard placement.byteOffset >= 0, placement.byteOffset <= byteCount,
            let span = try? TensorGeometry.span(dtype: dtype, shape: shape, strides: placement.strides)
        else { return false }
        return span.upperBound <= byteCount - placement.byteOffset
            && (placement.byteOffset + (sharing?.byteOffset ?? 0)) % (dtype.byteWidth ?? 1) == 0
    }
}
