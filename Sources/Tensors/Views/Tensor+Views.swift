import Foundations

// Views share the storage: a write through one is seen by the others, and a gradient flows through them.

extension Tensor {
    /// Makes `view` of this tensor, with `restore` to bring a gradient of the view back to this shape.
    private func view(
        _ name: StaticString, shape: [Int], strides: [Int], offset: Int, restore: @escaping (Tensor) -> Tensor
    ) -> Tensor {
        let view = alias(shape: shape, strides: strides, offset: offset)
        guard isRecorded else { return view }
        view.isTrackedView = true
        return view.recorded(name, [self]) { [restore($0)] }
    }

    /// Makes a view of a part of this tensor. `partStrides` and `shift` say where the part lies in a contiguous tensor of
    /// this shape.
    private func partView(
        _ name: StaticString, shape part: [Int], strides: [Int], offset: Int, partStrides: [Int], shift: Int
    ) -> Tensor {
        let place = TensorPart(whole: shape, shape: part, strides: partStrides, shift: shift)
        let result = view(name, shape: part, strides: strides, offset: offset) { place.spread($0) }
        result.node?.part = place
        return result
    }

    /// The same elements in row-major order as another shape. One length may be -1 and follows from the others.
    ///
    /// A view where the tensor is contiguous, else a copy.
    /// - Precondition: The number of elements stays.
    public func reshaped(to newShape: [Int]) -> Tensor {
        var shape = newShape
        if let free = shape.firstIndex(of: -1) {
            let known = shape.reduce(1) { $1 == -1 ? $0 : $0 * $1 }
            require(
                shape.filter { $0 == -1 }.count == 1 && known > 0 && elementCount % known == 0,
                "cannot reshape \(self.shape) to \(newShape)")
            shape[free] = elementCount / known
        }
        require(
            shape.allSatisfy { $0 >= 0 } && shape.reduce(1, *) == elementCount,
            "cannot reshape \(self.shape) to \(newShape)")
        if shape == self.shape { return self }
        let packed = isContiguous ? self : copied()
        let original = self.shape
        let view = packed.alias(
            shape: shape, strides: TensorGeometry.contiguousStrides(shape), offset: packed.offset)
        guard isRecorded else { return view }
        view.isTrackedView = isContiguous
        return view.recorded("reshape", [self]) { [$0.reshaped(to: original)] }
    }

    /// ``reshaped(to:)`` with the lengths as arguments: `x.reshaped(to: 2, -1)`.
    public func reshaped(to first: Int, _ others: Int...) -> Tensor { reshaped(to: [first] + others) }

    /// Joins the axes of `range` into one; all from `start` on where `end` is left out.
    public func flattened(from start: Int = 0, through end: Int = -1) -> Tensor {
        if shape.isEmpty { return reshaped(to: [1]) }
        let first = TensorGeometry.axis(start, rank: rank)
        let last = TensorGeometry.axis(end, rank: rank)
        require(first <= last, "cannot flatten axes \(start) through \(end) of shape \(shape)")
        return reshaped(
            to: Array(shape[..<first]) + [shape[first...last].reduce(1, *)] + Array(shape[(last + 1)...]))
    }

    /// The axes in another order: axis i of the result is axis `axes[i]`. A view.
    ///
    /// - Precondition: `axes` has each axis once.
    public func permuted(_ axes: [Int]) -> Tensor {
        let axes = axes.map { TensorGeometry.axis($0, rank: rank) }
        require(
            Set(axes).count == rank && axes.count == rank, "\(axes) is no order of the axes of shape \(shape)")
        var inverse = [Int](repeating: 0, count: rank)
        for (place, axis) in axes.enumerated() { inverse[axis] = place }
        return view("permute", shape: axes.map { shape[$0] }, strides: axes.map { strides[$0] }, offset: offset)
        {
            $0.permuted(inverse)
        }
    }

    /// Swaps two axes. A view.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        var axes = Array(0..<rank)
        axes.swapAt(TensorGeometry.axis(a, rank: rank), TensorGeometry.axis(b, rank: rank))
        return permuted(axes)
    }

    /// The transposed matrix. A view.
    ///
    /// - Precondition: Rank 2.
    public var t: Tensor {
        require(rank == 2, "transpose of a tensor of shape \(shape); it needs rank 2")
        return transposed()
    }

    /// Adds an axis of length 1 before `axis`. A view.
    public func unsqueezed(_ axis: Int) -> Tensor {
        let axis = TensorGeometry.axis(axis, rank: rank + 1)
        var (newShape, newStrides) = (shape, strides)
        newShape.insert(1, at: axis)
        newStrides.insert(axis < rank ? shape[axis] * strides[axis] : 1, at: axis)
        let original = shape
        return view("unsqueeze", shape: newShape, strides: newStrides, offset: offset) {
            $0.reshaped(to: original)
        }
    }

    /// Removes `axis`, or all axes of length 1. A view.
    ///
    /// - Precondition: The axis has length 1.
    public func squeezed(_ axis: Int? = nil) -> Tensor {
        let axis = axis.map { TensorGeometry.axis($0, rank: rank) }
        if let axis { require(shape[axis] == 1, "cannot squeeze axis \(axis) of shape \(shape)") }
        let kept = shape.indices.filter { axis == nil ? shape[$0] != 1 : $0 != axis }
        let original = shape
        return view("squeeze", shape: kept.map { shape[$0] }, strides: kept.map { strides[$0] }, offset: offset)
        {
            $0.reshaped(to: original)
        }
    }

    /// Repeats axes of length 1 to `shape` without a copy. A view that must not be written to.
    public func broadcast(to shape: [Int]) -> Tensor {
        if shape == self.shape { return self }
        let original = self.shape
        return view(
            "broadcast", shape: shape, strides: TensorGeometry.broadcastStrides(of: self, to: shape),
            offset: offset
        ) { $0.summed(to: original) }
    }

    /// The elements whose indices along `axis` are in `range`. A view.
    public func narrowed(_ axis: Int, to range: Range<Int>, by step: Int = 1) -> Tensor {
        let axis = TensorGeometry.axis(axis, rank: rank)
        require(
            range.lowerBound >= 0 && range.upperBound <= shape[axis],
            "range \(range) of axis \(axis) of a tensor of shape \(shape)")
        require(step > 0, "step of \(step); steps are positive")
        var (newShape, newStrides) = (shape, strides)
        newShape[axis] = (range.count + step - 1) / step
        newStrides[axis] *= step
        var partStrides = TensorGeometry.contiguousStrides(shape)
        let shift = range.lowerBound * partStrides[axis]
        partStrides[axis] *= step
        let start = range.isEmpty ? offset : offset + range.lowerBound * strides[axis]
        return partView(
            "slice", shape: newShape, strides: newStrides, offset: start, partStrides: partStrides,
            shift: range.isEmpty ? 0 : shift)
    }

    /// The elements at `index` along `axis`, which disappears. A view. A negative index counts from the end.
    public func selected(_ axis: Int, _ index: Int) -> Tensor {
        let axis = TensorGeometry.axis(axis, rank: rank)
        require(!shape.isEmpty, "index \(index) of a scalar tensor")
        let wrapped = index < 0 ? index + shape[axis] : index
        require(
            wrapped >= 0 && wrapped < shape[axis],
            "index \(index) of axis \(axis) of a tensor of shape \(shape)")
        var (newShape, newStrides) = (shape, strides)
        newShape.remove(at: axis)
        newStrides.remove(at: axis)
        var partStrides = TensorGeometry.contiguousStrides(shape)
        let shift = wrapped * partStrides.remove(at: axis)
        return partView(
            "index", shape: newShape, strides: newStrides, offset: offset + wrapped * strides[axis],
            partStrides: partStrides, shift: shift)
    }

    /// This tensor where it is contiguous, else a row-major copy with storage of its own.
    public func contiguous() -> Tensor { isContiguous ? self : copied() }

    /// A row-major copy with storage of its own. A gradient flows back.
    public func copied() -> Tensor {
        let copy = Tensor(contiguous: Storage(uninitializedByteCount: byteCount), dtype: dtype, shape: shape)
        copy.storage.withUnsafeMutableBytes { copyPackedBytes(into: $0) }
        guard isRecorded else { return copy }
        return copy.recorded("copy", [self]) { [$0] }
    }
}
