internal import CKernels
import Foundations

extension Tensor {
    /// Elements of `x` where the condition holds, else of `y`, broadcast together.
    ///
    /// - Precondition: Shapes broadcast.
    public static func `where`(_ condition: Tensor, _ x: Tensor, _ y: Tensor) -> Tensor {
        condition.select(x, y)
    }

    /// ``where(_:_:_:)`` with this tensor as the condition.
    func select(_ x: Tensor, _ y: Tensor) -> Tensor {
        let type = DType.ofExpression(x, y)
        let (x, y) = (x.to(type), y.to(type))
        let mask = detach().to(.bool)
        let shape = TensorGeometry.broadcast(TensorGeometry.broadcast(mask.shape, x.shape), y.shape)
        let result = Tensor(uninitialized: shape, dtype: type)
        mr_where(
            result.byteWidth, shape.count, shape, mask.pointer(UInt8.self),
            TensorGeometry.broadcastStrides(of: mask, to: shape), x.rawPointer,
            TensorGeometry.broadcastStrides(of: x, to: shape), y.rawPointer,
            TensorGeometry.broadcastStrides(of: y, to: shape), result.rawPointer, result.strides)
        withExtendedLifetime((mask, x, y, result)) {}
        guard x.isRecorded || y.isRecorded else { return result }
        let saved = SavedTensor(mask, for: "where")
        let (xShape, yShape) = (x.shape, y.shape)
        let (needsX, needsY) = (x.requiresGrad, y.requiresGrad)
        return result.recorded("where", [x, y]) { g in
            let zero = Tensor.zeros([], dtype: g.dtype)
            return [
                needsX ? saved.value.select(g, zero).summed(to: xShape) : nil,
                needsY ? saved.value.select(zero, g).summed(to: yShape) : nil,
            ]
        }
    }

    /// A copy in which the elements are `value` where the mask holds.
    public func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor { mask.select(Tensor.weak(value), self) }

    /// The elements at `indices` along `axis`: the axis gets the length of `indices`.
    ///
    /// - Parameter indices: One axis of integers; negative ones count from the end.
    /// - Precondition: Indices are within the axis.
    public func indexSelect(_ axis: Int, _ indices: Tensor) -> Tensor {
        require(indices.rank == 1, "indexSelect with indices of shape \(indices.shape); they need one axis")
        require(indices.dtype.isInteger, "indices are integers, not \(indices.dtype)")
        let place = TensorGeometry.axis(axis, rank: rank)
        require(rank > 0, "indexSelect of a scalar tensor")
        let (packed, index) = (detach().contiguous(), indices.to(.int64).contiguous())
        let (outer, length, inner) = split(at: place)
        var newShape = shape
        newShape[place] = index.elementCount
        let result = Tensor(uninitialized: newShape, dtype: dtype)
        let bad = mr_select(
            byteWidth, outer, length, inner, packed.rawPointer, index.pointer(Int64.self), index.elementCount,
            result.rawPointer)
        checkIndex(bad, index, place)
        withExtendedLifetime((packed, result)) {}
        guard isRecorded else { return result }
        let saved = SavedTensor(index, for: "indexSelect")
        let whole = shape
        return result.recorded("indexSelect", [self]) { g in
            let (index, g) = (saved.value, g.contiguous())
            let sum = Tensor.zeros(whole, dtype: g.dtype)
            let indexPointer = index.pointer(Int64.self)
            if g.dtype == .float64 {
                mr_select_add_f64(
                    outer, length, inner, sum.pointer(Double.self), indexPointer, index.elementCount,
                    g.pointer(Double.self))
            } else {
                // Halves are added up in float32.
                let (wideSum, wide) = (sum.to(.float32), g.to(.float32))
                mr_select_add_f32(
                    outer, length, inner, wideSum.pointer(Float.self), indexPointer, index.elementCount,
                    wide.pointer(Float.self))
                withExtendedLifetime((wide, index)) {}
                return [wideSum.to(g.dtype)]
            }
            withExtendedLifetime((g, index)) {}
            return [sum]
        }
    }

    /// out[i][j][k] = self[index[i][j][k]][j][k] for axis 0, and likewise for others, as `torch.gather`.
    ///
    /// - Parameter indices: Integers; as many axes as this tensor, no longer than it along the other axes.
    public func gather(_ axis: Int, _ indices: Tensor) -> Tensor {
        let place = TensorGeometry.axis(axis, rank: rank)
        require(
            indices.rank == rank && indices.dtype.isInteger,
            "gather from \(shape) with \(indices.dtype) indices of shape \(indices.shape)")
        for other in shape.indices where other != place && indices.shape[other] != shape[other] {
            require(
                indices.shape[other] <= shape[other],
                "gather from \(shape) with indices of shape \(indices.shape)")
            return narrowed(other, to: 0..<indices.shape[other]).gather(axis, indices)
        }
        let (packed, index) = (detach().contiguous(), indices.to(.int64).contiguous())
        let (outer, length, inner) = split(at: place)
        let count = index.shape[place]
        let result = Tensor(uninitialized: index.shape, dtype: dtype)
        let bad = mr_gather(
            byteWidth, outer, length, inner, packed.rawPointer, index.pointer(Int64.self), count,
            result.rawPointer)
        checkIndex(bad, index, place)
        withExtendedLifetime((packed, result)) {}
        guard isRecorded else { return result }
        let saved = SavedTensor(index, for: "gather")
        let whole = shape
        return result.recorded("gather", [self]) {
            [Tensor.zeros(whole, dtype: $0.dtype).scatterAdd(place, saved.value, $0)]
        }
    }

    /// A copy in which each element of `values` is added at the place that `gather` would read it from.
    ///
    /// - Parameters:
    ///   - indices: Integers; the shape of this tensor except along `axis`.
    ///   - values: The shape of `indices`.
    public func scatterAdd(_ axis: Int, _ indices: Tensor, _ values: Tensor) -> Tensor {
        let place = TensorGeometry.axis(axis, rank: rank)
        require(
            indices.rank == rank && indices.shape == values.shape && indices.dtype.isInteger
                && shape.indices.allSatisfy { $0 == place || shape[$0] == indices.shape[$0] },
            "scatterAdd into \(shape) with indices \(indices.shape) and values \(values.shape)")
        let type = dtype.computeType
        require(type != .int64, "scatterAdd into \(dtype); it needs a floating-point dtype")
        let result = detach().to(type).copied()
        let (index, packed) = (indices.to(.int64).contiguous(), values.detach().to(type).contiguous())
        let (outer, length, inner) = split(at: place)
        let bad =
            type == .float32
            ? mr_scatter_add_f32(
                outer, length, inner, result.pointer(Float.self), index.pointer(Int64.self), index.shape[place],
                packed.pointer(Float.self))
            : mr_scatter_add_f64(
                outer, length, inner, result.pointer(Double.self), index.pointer(Int64.self),
                index.shape[place],
                packed.pointer(Double.self))
        checkIndex(bad, index, place)
        withExtendedLifetime((packed, result)) {}
        let final = result.to(dtype)
        guard isRecorded || values.isRecorded else { return final }
        let saved = SavedTensor(index, for: "scatterAdd")
        let (needsSelf, needsValues) = (requiresGrad, values.requiresGrad)
        return final.recorded("scatterAdd", [self, values]) { g in
            [needsSelf ? g : nil, needsValues ? g.gather(place, saved.value) : nil]
        }
    }

    /// The `count` largest (or smallest) elements along an axis, in order, and their indices (int64).
    ///
    /// Of equal elements the first comes first. A gradient flows through the values.
    public func topK(_ count: Int, alongAxis axis: Int = -1, largest: Bool = true) -> (
        values: Tensor, indices: Tensor
    ) {
        let place = TensorGeometry.axis(axis, rank: rank)
        require(
            rank > 0 && count >= 0 && count <= shape[place], "top \(count) of axis \(axis) of shape \(shape)")
        let type: DType =
            switch dtype {
            case .float64, .int64: dtype
            case .float32, .float16, .bfloat16: .float32
            // Unsigned ones of 64 bits are compared in double precision.
            case .uint64: .float64
            default: .int64
            }
        let moved = detach().transposed(place, -1).to(type).contiguous()
        let width = shape[place]
        let found = Tensor(uninitialized: Array(moved.shape.dropLast()) + [count], dtype: .int64)
        let rows = width == 0 ? 0 : moved.elementCount / width
        mr_order(
            type.kernelType, largest ? 0 : 1, rows, width, count, moved.rawPointer, found.pointer(Int64.self))
        withExtendedLifetime((moved, found)) {}
        let indices = found.transposed(place, -1).contiguous()
        return (gather(place, indices), indices)
    }

    /// The elements along an axis in rising order (or falling), and their indices. Stable.
    public func sorted(alongAxis axis: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor)
    {
        topK(shape[TensorGeometry.axis(axis, rank: rank)], alongAxis: axis, largest: descending)
    }

    /// One row for each class: 1 at the class's index, else 0, as int64. `self` holds the indices.
    public func oneHot(_ classCount: Int) -> Tensor {
        (unsqueezed(-1) .== Tensor.arange(0..<classCount)).to(.int64)
    }

    /// The positions in row-major order where elements are not zero, as int64.
    func nonzeroPositions() -> Tensor {
        let mask = detach().to(.bool)
        return mask.withUnsafeBytes { bytes in
            Tensor(bytes.indices.filter { bytes[$0] != 0 }.map(Int64.init))
        }
    }

    /// The indices of the elements that are not zero, shape `[count, rank]`, as int64.
    public func nonzero() -> Tensor {
        let positions: [Int64] = nonzeroPositions().scalars()
        let strides = TensorGeometry.contiguousStrides(shape)
        let indices = positions.flatMap { position in
            shape.indices.map { Int64(Int(position) / strides[$0] % Swift.max(shape[$0], 1)) }
        }
        return Tensor(indices, shape: [positions.count, rank])
    }

    /// The lower triangle of the last two axes, up to `diagonal` above the main one; 0 elsewhere.
    public func lowerTriangle(diagonal: Int = 0) -> Tensor { self * triangle { $1 <= $0 + diagonal } }

    /// The upper triangle of the last two axes, from `diagonal` above the main one; 0 elsewhere.
    public func upperTriangle(diagonal: Int = 0) -> Tensor { self * triangle { $1 >= $0 + diagonal } }

    private func triangle(_ keeps: (Int, Int) -> Bool) -> Tensor {
        require(rank >= 2, "triangle of a tensor of shape \(shape)")
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let mask = (0..<rows).flatMap { row in (0..<columns).map { keeps(row, $0) } }
        return Tensor(mask, shape: [rows, columns]).to(dtype)
    }

    /// Products of the lengths before, at and after an axis.
    private func split(at axis: Int) -> (outer: Int, length: Int, inner: Int) {
        (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
    }

    private func checkIndex(_ bad: Int, _ indices: Tensor, _ axis: Int) {
        guard bad >= 0 else { return }
        let index = indices.pointer(Int64.self)[bad]
        trap("index \(index) of axis \(axis) of a tensor of shape \(shape)")
    }
}
