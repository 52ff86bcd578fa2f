/// Overflow-checked arithmetic on shapes and strides, for views whose numbers came from a file.
public enum TensorGeometry {
    /// More axes than any framework makes; bounds recursion and the size of a hostile shape.
    public static let maximumRank = 64

    /// Strides of a row-major tensor of `shape`.
    ///
    /// - Precondition: The element count of `shape` does not overflow.
    public static func contiguousStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
        }
        return strides
    }

    /// Product of `shape`.
    ///
    /// - Throws: ``TensorError`` for a negative length, too many axes, or overflow, also of the lengths other
    ///   than zero alone: strides are made of these.
    public static func elementCount(_ shape: [Int]) throws(TensorError) -> Int {
        guard shape.count <= maximumRank else { throw .tooManyAxes(count: shape.count) }
        var product = 1
        var isEmpty = false
        for length in shape {
            guard length >= 0 else { throw .negativeLength(shape: shape) }
            if length == 0 {
                isEmpty = true
                continue
            }
            let (next, overflow) = product.multipliedReportingOverflow(by: length)
            guard !overflow else { throw .overflow(shape: shape) }
            product = next
        }
        return isEmpty ? 0 : product
    }

    /// Bytes of a packed tensor.
    ///
    /// - Throws: ``TensorError`` on overflow, and where elements below a byte do not fill the last byte.
    public static func byteCount(dtype: DType, shape: [Int]) throws(TensorError) -> Int {
        let count = try elementCount(shape)
        guard let bytes = dtype.byteCount(elementCount: count) else { throw .overflow(shape: shape) }
        return bytes
    }

    /// Whether elements follow each other in row-major order. Axes of length 1 may have any stride.
    public static func isContiguous(shape: [Int], strides: [Int]) -> Bool {
        if shape.contains(0) { return true }
        var expected = 1
        for axis in shape.indices.reversed() where shape[axis] != 1 {
            guard strides[axis] == expected else { return false }
            expected *= shape[axis]
        }
        return true
    }

    /// `strides`, or row-major ones where they are `nil`, once they are known to fit `shape`.
    static func checkedStrides(_ strides: [Int]?, shape: [Int]) throws(TensorError) -> [Int] {
        _ = try elementCount(shape)
        guard let strides else { return contiguousStrides(shape) }
        guard strides.count == shape.count else { throw .strideCount(shape: shape, strides: strides) }
        guard strides.allSatisfy({ $0 >= 0 }) else { throw .negativeStride(strides: strides) }
        return strides
    }

    /// The bytes from the first element of a view to the end of its last one; `0..<0` where it has none.
    ///
    /// An empty view touches nothing, so its offset may lie anywhere: PyTorch makes such views by slicing.
    ///
    /// - Throws: ``TensorError`` on overflow or a negative offset, and for a strided or shifted view of elements
    ///   below a byte.
    public static func span(
        dtype: DType, shape: [Int], strides: [Int], offset: Int = 0
    ) throws(TensorError) -> Range<Int> {
        _ = try checkedStrides(strides, shape: shape)
        guard offset >= 0 else { throw .negativeOffset(offset) }
        guard let byteWidth = dtype.byteWidth else {
            guard offset == 0, isContiguous(shape: shape, strides: strides) else {
                throw .packedView(dtype: dtype)
            }
            return 0..<(try byteCount(dtype: dtype, shape: shape))
        }
        _ = try byteCount(dtype: dtype, shape: shape)
        let (start, startOverflow) = offset.multipliedReportingOverflow(by: byteWidth)
        guard !startOverflow else { throw .overflow(shape: shape) }
        if shape.contains(0) { return 0..<0 }
        var last = 0
        for (length, stride) in zip(shape, strides) {
            let (reach, reachOverflow) = (length - 1).multipliedReportingOverflow(by: stride)
            let (sum, sumOverflow) = last.addingReportingOverflow(reach)
            guard !reachOverflow, !sumOverflow else { throw .overflow(shape: shape) }
            last = sum
        }
        let (count, countOverflow) = last.addingReportingOverflow(1)
        let (bytes, bytesOverflow) = count.multipliedReportingOverflow(by: byteWidth)
        let (end, endOverflow) = start.addingReportingOverflow(bytes)
        guard !countOverflow, !bytesOverflow, !endOverflow else { throw .overflow(shape: shape) }
        return start..<end
    }
}
