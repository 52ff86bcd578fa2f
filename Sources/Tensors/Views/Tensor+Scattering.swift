import Foundations

extension Tensor {
    /// A copy in which each element of `values` is put at the place that `gather` would read it from, as `torch.scatter`.
    ///
    /// Where two go to one place, the last one stays. A gradient flows to the elements that were not replaced, and to
    /// `values`.
    /// - Parameters:
    ///   - indices: Integers; as many axes as this tensor, no longer than it along the other axes.
    ///   - values: The shape of `indices`, or a single number.
    public func scatter(_ axis: Int, _ indices: Tensor, _ values: Tensor) -> Tensor {
        let place = TensorGeometry.axis(axis, rank: rank)
        require(
            indices.rank == rank && indices.dtype.isInteger
                && shape.indices.allSatisfy { $0 == place || indices.shape[$0] <= shape[$0] },
            "scatter into \(shape) with \(indices.dtype) indices of shape \(indices.shape)")
        let values = values.elementCount == 1 ? values.reshaped(to: []).broadcast(to: indices.shape) : values
        require(
            values.shape == indices.shape,
            "scatter of values of shape \(values.shape) with indices of shape \(indices.shape)")
        // Where each value goes, as positions in the flattened tensor.
        let strides = TensorGeometry.contiguousStrides(shape)
        let chosen: [Int64] = indices.to(.int64).contiguous().scalars()
        let positions = chosen.enumerated().map { position, index -> Int64 in
            require(
                index >= -Int64(shape[place]) && index < Int64(shape[place]),
                "index \(index) of axis \(axis) of a tensor of shape \(shape)")
            var (rest, target) = (position, 0)
            for other in indices.shape.indices.reversed() {
                let coordinate = rest % indices.shape[other]
                rest /= indices.shape[other]
                target +=
                    (other == place ? (Int(index) + shape[place]) % shape[place] : coordinate) * strides[other]
            }
            return Int64(target)
        }
        return replacing(positions, by: values.reshaped(to: [values.elementCount])).reshaped(to: shape)
    }

    /// A flat copy with other elements at the positions.
    func replacing(_ positions: [Int64], by values: Tensor) -> Tensor {
        // Only the last of several values for one place counts, and only it gets a gradient.
        var owner: [Int64: Int] = [:]
        for (index, position) in positions.enumerated() { owner[position] = index }
        let kept = owner.sorted { $0.key < $1.key }
        let places = Tensor(kept.map(\.key))
        let chosen = values.to(dtype).indexSelect(0, Tensor(kept.map { Int64($0.value) }))
        let flat = reshaped(to: [elementCount])
        let source = Tensor.concatenate([flat, chosen])
        var map = (0..<Int64(elementCount)).map { $0 }
        for (index, position) in places.scalars(as: Int64.self).enumerated() {
            map[Int(position)] = Int64(elementCount + index)
        }
        return source.indexSelect(0, Tensor(map))
    }
}

extension RandomGenerator {
    /// Indices drawn in proportion to weights, as `torch.multinomial`.
    ///
    /// - Parameters:
    ///   - weights: Not negative; one axis, or a row for each draw.
    ///   - count: Indices for each row.
    ///   - replacement: Whether an index may come again.
    /// - Returns: int64, of shape `[count]` or `[rows, count]`.
    /// - Precondition: Each row has a weight that is not 0, and as many as `count` without replacement.
    public func multinomial(_ weights: Tensor, count: Int, replacement: Bool = false) -> Tensor {
        require(
            (1...2).contains(weights.rank) && count > 0, "\(count) draws by weights of shape \(weights.shape)")
        let rows = weights.rank == 1 ? weights.unsqueezed(0) : weights
        let values = rows.doubles()
        let width = rows.shape[1]
        require(values.allSatisfy { $0 >= 0 && $0.isFinite }, "weights of draws are finite and not negative")
        let units: [Double] = uniform([rows.shape[0], count], dtype: .float64).scalars()
        var drawn: [Int64] = []
        for row in 0..<rows.shape[0] {
            var left = Array(values[row * width..<(row + 1) * width])
            require(
                left.count { $0 > 0 } >= (replacement ? 1 : count),
                "\(count) draws from \(left.count { $0 > 0 }) weights that are not 0")
            for draw in 0..<count {
                let total: Double = left.reduce(0, +)
                var (rest, choice) = (units[row * count + draw] * total, left.lastIndex { $0 > 0 } ?? 0)
                for (index, weight) in left.enumerated() where weight > 0 {
                    rest -= weight
                    if rest < 0 {
                        choice = index
                        break
                    }
                }
                drawn.append(Int64(choice))
                if !replacement { left[choice] = 0 }
            }
        }
        return Tensor(drawn, shape: weights.rank == 1 ? [count] : [rows.shape[0], count])
    }
}
