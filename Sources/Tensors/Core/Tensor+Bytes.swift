internal import CKernels

extension Tensor {
    /// Copies `bytes`, the packed row-major elements, into a new tensor.
    ///
    /// - Throws: ``TensorError`` when `shape` is not a shape or needs another number of bytes.
    public convenience init(bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int]) throws(TensorError) {
        let needed = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
        guard needed == bytes.count else {
            throw .byteCount(dtype: dtype, shape: shape, needs: needed, has: bytes.count)
        }
        self.init(contiguous: Storage(copying: bytes), dtype: dtype, shape: shape)
    }

    /// Copies `bytes`, the packed row-major elements, into a new tensor.
    ///
    /// - Throws: ``TensorError`` when `shape` is not a shape or needs another number of bytes.
    public convenience init(bytes: [UInt8], dtype: DType, shape: [Int]) throws(TensorError) {
        let needed = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
        guard needed == bytes.count else {
            throw .byteCount(dtype: dtype, shape: shape, needs: needed, has: bytes.count)
        }
        self.init(contiguous: bytes.withUnsafeBytes { Storage(copying: $0) }, dtype: dtype, shape: shape)
    }

    /// A tensor of `scalars` in row-major order; a 1-d tensor where `shape` is `nil`.
    ///
    /// - Precondition: The product of `shape` is the number of scalars.
    public convenience init<Scalar: TensorScalar>(_ scalars: [Scalar], shape: [Int]? = nil) {
        let shape = shape ?? [scalars.count]
        precondition(shape.reduce(1, *) == scalars.count, "\(scalars.count) scalars for shape \(shape)")
        self.init(
            contiguous: scalars.withUnsafeBytes { Storage(copying: $0) }, dtype: Scalar.dtype, shape: shape)
    }

    /// Calls `body` with the packed row-major bytes: in place where the tensor is contiguous, else of a copy.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if isContiguous {
            let span = storageSpan
            return try storage.withUnsafeBytes { bytes throws(Failure) in
                try body(UnsafeRawBufferPointer(rebasing: bytes[span]))
            }
        }
        return try contiguous().storage.withUnsafeBytes(body)
    }

    /// The packed row-major bytes, copied.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// The elements in row-major order, copied.
    ///
    /// - Precondition: `Scalar` is the tensor's dtype.
    public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) -> [Scalar] {
        precondition(Scalar.dtype == dtype, "elements are \(dtype), not \(Scalar.dtype)")
        return withUnsafeBytes { bytes in
            [Scalar](unsafeUninitializedCapacity: elementCount) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = elementCount
            }
        }
    }

    /// Writes the packed row-major bytes into `destination`.
    ///
    /// - Precondition: `destination` has ``byteCount`` bytes.
    public func copyPackedBytes(into destination: UnsafeMutableRawBufferPointer) {
        precondition(destination.count == byteCount, "\(destination.count) bytes for \(byteCount)")
        guard byteCount > 0, let target = destination.baseAddress else { return }
        guard let byteWidth = dtype.byteWidth, !isContiguous else {
            target.copyMemory(from: storage.baseAddress + storageSpan.lowerBound, byteCount: byteCount)
            return
        }
        mr_copy(
            byteWidth, shape.count, shape, storage.baseAddress + offset * byteWidth, strides, target,
            TensorGeometry.contiguousStrides(shape))
        withExtendedLifetime(self) {}
    }
}
