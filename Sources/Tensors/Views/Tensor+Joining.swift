import Foundations

extension Tensor {
    /// Joins tensors along an axis they have.
    ///
    /// - Precondition: At least one tensor; shapes agree except along the axis.
    public static func concatenate(_ tensors: [Tensor], alongAxis axis: Int = 0) -> Tensor {
        guard let first = tensors.first else { trap("concatenate of no tensors") }
        let place = TensorGeometry.axis(axis, rank: first.rank)
        require(first.rank > 0, "concatenate of scalar tensors; use stack")
        var shape = first.shape
        shape[place] = 0
        var type = first.dtype
        for tensor in tensors {
            require(
                tensor.rank == first.rank
                    && shape.indices.allSatisfy { $0 == place || shape[$0] == tensor.shape[$0] },
                "concatenate of shapes \(tensors.map(\.shape)) along axis \(axis)")
            shape[place] += tensor.shape[place]
            type = DType.promoted(type, tensor.dtype)
        }
        let tensors = tensors.map { $0.to(type) }
        let result = Tensor(uninitialized: shape, dtype: type)
        var ranges: [Range<Int>] = []
        for tensor in tensors {
            let start = ranges.last?.upperBound ?? 0
            ranges.append(start..<start + tensor.shape[place])
            result.alias().narrowed(place, to: start..<start + tensor.shape[place]).store(tensor)
        }
        guard tensors.contains(where: \.isRecorded) else { return result }
        let needs = tensors.map(\.requiresGrad)
        return result.recorded("concatenate", tensors) { g in
            zip(ranges, needs).map { range, isNeeded in isNeeded ? g.narrowed(place, to: range) : nil }
        }
    }

    /// Joins tensors of one shape along a new axis.
    public static func stack(_ tensors: [Tensor], alongAxis axis: Int = 0) -> Tensor {
        require(
            tensors.allSatisfy { $0.shape == tensors[0].shape }, "stack of shapes \(tensors.map(\.shape))")
        return concatenate(tensors.map { $0.unsqueezed(axis) }, alongAxis: axis)
    }

    /// Views of the parts along an axis, each of length `size` but for the last, which may be shorter.
    public func split(_ size: Int, alongAxis axis: Int = 0) -> [Tensor] {
        let length = shape[TensorGeometry.axis(axis, rank: rank)]
        require(size > 0, "split into parts of length \(size)")
        return stride(from: 0, to: length, by: size).map {
            narrowed(axis, to: $0..<Swift.min($0 + size, length))
        }
    }

    /// Views of the parts along an axis of the lengths given.
    ///
    /// - Precondition: The lengths add up to that of the axis.
    public func split(_ sizes: [Int], alongAxis axis: Int = 0) -> [Tensor] {
        let length = shape[TensorGeometry.axis(axis, rank: rank)]
        require(sizes.reduce(0, +) == length, "split of axis \(axis) of shape \(shape) into \(sizes)")
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return narrowed(axis, to: start..<start + size)
        }
    }

    /// Views of `count` parts along an axis, as equal as can be; fewer where the axis is short.
    public func chunked(_ count: Int, alongAxis axis: Int = 0) -> [Tensor] {
        let length = shape[TensorGeometry.axis(axis, rank: rank)]
        require(count > 0, "\(count) chunks")
        return split(Swift.max((length + count - 1) / count, 1), alongAxis: axis)
    }

    /// The tensor repeated along each axis as often as `counts` says.
    public func tiled(_ counts: [Int]) -> Tensor {
        require(counts.count == rank, "tile of shape \(shape) by \(counts)")
        return counts.enumerated().reduce(self) { tensor, step in
            step.element == 1
                ? tensor
                : Tensor.concatenate([Tensor](repeating: tensor, count: step.element), alongAxis: step.offset)
        }
    }
}
