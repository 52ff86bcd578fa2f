import Foundations

extension Tensor {
    /// The p-norm along axes, all where `nil`, as `torch.linalg.vector_norm`: for `p` infinite the largest absolute value,
    /// for 0 the number of elements that are not 0.
    public func norm(_ p: Double = 2, alongAxes axes: [Int]?, keepingAxes: Bool = false) -> Tensor {
        let axes = axes ?? Array(shape.indices)
        switch p {
        case 0: return (self .!= 0).to(dtype).sum(alongAxes: axes, keepingAxes: keepingAxes)
        case 1: return abs().sum(alongAxes: axes, keepingAxes: keepingAxes)
        case 2:
            let sum = square().sum(alongAxes: axes, keepingAxes: keepingAxes)
            guard requiresGrad else { return sum.sqrt() }
            // The slope at 0 is 0, and not 0 · infinity.
            let isZero = sum.detach() .== 0
            return isZero.select(sum.zerosLike(), isZero.select(sum.onesLike(), sum).sqrt())
        case .infinity:
            let sorted = axes.map { TensorGeometry.axis($0, rank: rank) }.sorted(by: >)
            let result = sorted.reduce(abs()) { $0.max(alongAxis: $1, keepingAxes: true) }
            return keepingAxes ? result : sorted.reduce(result) { $0.squeezed($1) }
        default: return abs().pow(p).sum(alongAxes: axes, keepingAxes: keepingAxes).pow(1 / p)
        }
    }

    /// Divided by the p-norm along an axis, or by `epsilon` where that is larger, as `torch.nn.functional.normalize`.
    public func normalized(_ p: Double = 2, alongAxis axis: Int = 1, epsilon: Double = 1e-12) -> Tensor {
        self / norm(p, alongAxes: [axis], keepingAxes: true).maximum(.full([], epsilon, dtype: dtype))
    }

    /// The cosine of the angle between vectors along an axis, as `torch.nn.functional.cosine_similarity`.
    ///
    /// - Precondition: Shapes broadcast.
    public func cosineSimilarity(_ other: Tensor, alongAxis axis: Int = 1, epsilon: Double = 1e-8) -> Tensor {
        let shape = TensorGeometry.broadcast(shape, other.shape)
        let (a, b) = (broadcast(to: shape), other.broadcast(to: shape))
        let least = Tensor.full([], epsilon, dtype: dtype)
        let unitA = a / a.norm(alongAxes: [axis], keepingAxes: true).maximum(least)
        let unitB = b / b.norm(alongAxes: [axis], keepingAxes: true).maximum(least)
        return (unitA * unitB).sum(alongAxis: axis)
    }

    /// The sums of all elements up to each along an axis, as `torch.cumsum`. Sums are kept in double precision.
    public func cumulativeSum(alongAxis axis: Int) -> Tensor {
        let place = TensorGeometry.axis(axis, rank: rank)
        let source = detach()
        let type: DType = dtype.isFloatingPoint ? dtype : .int64
        if rank == 0 { return to(type) }
        let moved = source.transposed(place, -1)
        let values = moved.doubles()
        let width = shape[place]
        let sums = [Double](unsafeUninitializedCapacity: values.count) { buffer, count in
            for start in stride(from: 0, to: values.count, by: Swift.max(width, 1)) {
                var sum = 0.0
                for index in start..<start + width {
                    sum += values[index]
                    buffer[index] = sum
                }
            }
            count = values.count
        }
        let result = Tensor(sums, shape: moved.shape).to(type).transposed(place, -1).contiguous()
        guard isRecorded, type == dtype else { return result }
        return result.recorded("cumulativeSum", [self]) { g in
            [g.flipped([place]).cumulativeSum(alongAxis: place).flipped([place])]
        }
    }

    /// The median along an axis, of two in the middle the lower one, and its index, as `torch.median`.
    public func median(alongAxis axis: Int) -> (values: Tensor, indices: Tensor) {
        let place = TensorGeometry.axis(axis, rank: rank)
        require(rank > 0 && shape[place] > 0, "median of no elements: shape \(shape)")
        let order = sorted(alongAxis: place).indices
        // NaN is last in rising order and yet the median of what it is among.
        let middle = order.narrowed(place, to: (shape[place] - 1) / 2..<(shape[place] - 1) / 2 + 1)
        let last = order.narrowed(place, to: shape[place] - 1..<shape[place])
        let isSpoilt = (detach().gather(place, last) .!= detach().gather(place, last))
        let indices = isSpoilt.select(last, middle)
        return (gather(place, indices).squeezed(place), indices.squeezed(place))
    }

    /// The median of all elements, of two in the middle the lower one.
    public func median() -> Tensor { reshaped(to: [elementCount]).median(alongAxis: 0).values }

    /// The value that a share `q` of the elements along an axis are below, between two of them by their distances, as
    /// `torch.quantile`.
    ///
    /// - Precondition: `q` is from 0 to 1.
    public func quantile(_ q: Double, alongAxis axis: Int? = nil, keepingAxes: Bool = false) -> Tensor {
        require((0...1).contains(q), "quantile \(q); it is from 0 to 1")
        guard let axis else {
            let result = reshaped(to: [elementCount]).quantile(q, alongAxis: 0)
            return keepingAxes ? result.reshaped(to: shape.map { _ in 1 }) : result
        }
        let place = TensorGeometry.axis(axis, rank: rank)
        require(rank > 0 && shape[place] > 0, "quantile of no elements: shape \(shape)")
        let rising = sorted(alongAxis: place).values
        let position = q * Double(shape[place] - 1)
        let low = Int(position.rounded(.down))
        let high = Swift.min(low + 1, shape[place] - 1)
        let (a, b) = (
            rising.narrowed(place, to: low..<low + 1), rising.narrowed(place, to: high..<high + 1)
        )
        let value = a + (b - a) * (position - Double(low))
        return keepingAxes ? value : value.squeezed(place)
    }
}
