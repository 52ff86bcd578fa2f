internal import CKernels
import Foundations

extension Tensor {
    /// Reduces the axes, one group of neighbours at a time, without a history.
    private func reduced(_ reduction: mr_reduction, _ axes: [Int]) -> Tensor {
        let type = dtype.computeType
        if type == .int64 {
            // Integers are summed in double precision, exact to 2^53.
            return alias().to(.float64).reduced(reduction, axes).to(.int64)
        }
        var current = dtype == type ? alias() : alias().to(type)
        var remaining = axes.sorted()
        var isFirst = true
        while let last = remaining.popLast() {
            var first = last
            while let previous = remaining.last, previous == first - 1 { first = remaining.removeLast() }
            let packed = current.contiguous()
            let outer = current.shape[..<first].reduce(1, *)
            let count = current.shape[first...last].reduce(1, *)
            let inner = current.shape[(last + 1)...].reduce(1, *)
            var newShape = current.shape
            for axis in first...last { newShape[axis] = 1 }
            let result = Tensor(uninitialized: newShape, dtype: type)
            let step = isFirst || reduction != MR_SUM_OF_SQUARES ? reduction : MR_SUM
            if type == .float32 {
                mr_reduce_f32(step, outer, count, inner, packed.pointer(Float.self), result.pointer(Float.self))
            } else {
                mr_reduce_f64(
                    step, outer, count, inner, packed.pointer(Double.self), result.pointer(Double.self))
            }
            withExtendedLifetime((packed, result)) {}
            current = result
            isFirst = false
        }
        return current.to(dtype.isFloatingPoint ? dtype : type)
    }

    private func checkedAxes(_ axes: [Int]) -> [Int] {
        if shape.isEmpty { return [] }
        let checked = axes.map { TensorGeometry.axis($0, rank: rank) }
        require(Set(checked).count == checked.count, "an axis is named twice in \(axes)")
        return checked
    }

    private func shapeWithout(_ axes: [Int]) -> [Int] {
        shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
    }

    private func shapeWithOnes(_ axes: [Int]) -> [Int] {
        shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    }

    /// The sum of all elements, a scalar tensor. Booleans and integers sum to int64.
    public func sum() -> Tensor { sum(alongAxes: Array(shape.indices)) }

    /// The sum along an axis.
    public func sum(alongAxis axis: Int, keepingAxes: Bool = false) -> Tensor {
        sum(alongAxes: [axis], keepingAxes: keepingAxes)
    }

    /// The sum along several axes; with `keepingAxes` they stay, with length 1.
    public func sum(alongAxes axes: [Int], keepingAxes: Bool = false) -> Tensor {
        let axes = checkedAxes(axes)
        let result = reduced(MR_SUM, axes)
        let shaped = result.alias(
            shape: keepingAxes ? result.shape : shapeWithout(axes),
            strides: TensorGeometry.contiguousStrides(keepingAxes ? result.shape : shapeWithout(axes)),
            offset: result.offset)
        let sum = axes.isEmpty ? result.copied() : shaped
        guard isRecorded else { return sum }
        let (whole, ones) = (shape, shapeWithOnes(axes))
        return sum.recorded("sum", [self]) { [$0.reshaped(to: ones).broadcast(to: whole)] }
    }

    /// The mean of all elements, a scalar tensor.
    public func mean() -> Tensor { mean(alongAxes: Array(shape.indices)) }

    /// The mean along an axis.
    public func mean(alongAxis axis: Int, keepingAxes: Bool = false) -> Tensor {
        mean(alongAxes: [axis], keepingAxes: keepingAxes)
    }

    /// The mean along several axes; with `keepingAxes` they stay, with length 1.
    ///
    /// - Precondition: Elements are floating-point numbers.
    public func mean(alongAxes axes: [Int], keepingAxes: Bool = false) -> Tensor {
        require(dtype.isFloatingPoint, "mean of \(dtype); convert to a floating-point dtype first")
        let count = checkedAxes(axes).reduce(1) { $0 * shape[$1] }
        return sum(alongAxes: axes, keepingAxes: keepingAxes) / Double(count)
    }

    /// The variance along several axes, all where `nil`; divided by the count less `correction`.
    ///
    /// As in PyTorch, `correction` is 1 unless given: the unbiased estimate.
    public func variance(alongAxes axes: [Int]? = nil, correction: Double = 1, keepingAxes: Bool = false)
        -> Tensor
    {
        let axes = checkedAxes(axes ?? Array(shape.indices))
        let count = Double(axes.reduce(1) { $0 * shape[$1] })
        let deviation = self - mean(alongAxes: axes, keepingAxes: true)
        return deviation.square().sum(alongAxes: axes, keepingAxes: keepingAxes)
            / Swift.max(count - correction, 0)
    }

    /// The square root of ``variance(alongAxes:correction:keepingAxes:)``.
    public func standardDeviation(
        alongAxes axes: [Int]? = nil, correction: Double = 1, keepingAxes: Bool = false
    ) -> Tensor {
        variance(alongAxes: axes, correction: correction, keepingAxes: keepingAxes).sqrt()
    }

    /// The product of all elements, a scalar tensor.
    public func product() -> Tensor { product(alongAxes: Array(shape.indices)) }

    /// The product along several axes.
    public func product(alongAxes axes: [Int], keepingAxes: Bool = false) -> Tensor {
        let axes = checkedAxes(axes)
        let result = reduced(MR_PRODUCT, axes).reshaped(
            to: keepingAxes ? shapeWithOnes(axes) : shapeWithout(axes))
        guard isRecorded else { return result }
        let ones = shapeWithOnes(axes)
        let saved = SavedTensor(self, for: "product")
        return result.recorded("product", [self]) { g in
            // The product of the others, computed as such, so that zeros are no special case.
            let x = saved.value
            let moved = x.permuted(x.shape.indices.filter { !axes.contains($0) } + axes)
            let rows = moved.reshaped(to: [-1, axes.reduce(1) { $0 * x.shape[$1] }])
            let slopes = Tensor.productsOfOthers(rows).reshaped(to: moved.shape)
            var inverse = [Int](repeating: 0, count: x.rank)
            for (place, axis) in (x.shape.indices.filter { !axes.contains($0) } + axes).enumerated() {
                inverse[axis] = place
            }
            return [g.reshaped(to: ones) * slopes.permuted(inverse)]
        }
    }

    /// For each element of each row the product of the row's other elements.
    private static func productsOfOthers(_ rows: Tensor) -> Tensor {
        let width = rows.shape[1]
        let values = rows.doubles()
        var result = [Double](repeating: 1, count: values.count)
        for start in stride(from: 0, to: values.count, by: Swift.max(width, 1)) {
            var before = 1.0
            for i in start..<start + width {
                result[i] = before
                before *= values[i]
            }
            var after = 1.0
            for i in (start..<start + width).reversed() {
                result[i] *= after
                after *= values[i]
            }
        }
        return Tensor(result, shape: rows.shape).to(rows.dtype)
    }

    /// The largest element, a scalar tensor. NaN wins. Equal ones share the gradient.
    public func max() -> Tensor { extreme("max", MR_REDUCE_MAXIMUM, Array(shape.indices), keepingAxes: false) }

    /// The smallest element, a scalar tensor. NaN wins. Equal ones share the gradient.
    public func min() -> Tensor { extreme("min", MR_REDUCE_MINIMUM, Array(shape.indices), keepingAxes: false) }

    /// The largest elements along an axis. Equal ones share the gradient.
    public func max(alongAxis axis: Int, keepingAxes: Bool = false) -> Tensor {
        extreme("max", MR_REDUCE_MAXIMUM, [axis], keepingAxes: keepingAxes)
    }

    /// The smallest elements along an axis. Equal ones share the gradient.
    public func min(alongAxis axis: Int, keepingAxes: Bool = false) -> Tensor {
        extreme("min", MR_REDUCE_MINIMUM, [axis], keepingAxes: keepingAxes)
    }

    private func extreme(_ name: StaticString, _ reduction: mr_reduction, _ axes: [Int], keepingAxes: Bool)
        -> Tensor
    {
        let axes = checkedAxes(axes)
        require(axes.allSatisfy { shape[$0] > 0 }, "\(name) of no elements: shape \(shape)")
        let ones = shapeWithOnes(axes)
        let result = reduced(reduction, axes).to(dtype)
        let shaped = result.reshaped(to: keepingAxes ? ones : shapeWithout(axes))
        guard isRecorded else { return shaped }
        let final = shaped === result ? result : shaped
        let (savedInput, savedResult) = (SavedTensor(self, for: name), SavedTensor(final, for: name))
        return final.recorded(name, [self]) { g in
            let isExtreme = (savedInput.value .== savedResult.value.reshaped(to: ones)).to(g.dtype)
            return [g.reshaped(to: ones) * isExtreme / isExtreme.sum(alongAxes: axes, keepingAxes: true)]
        }
    }

    /// The Euclidean norm of all elements, a scalar tensor.
    public func norm() -> Tensor { square().sum().sqrt() }

    /// The sum of the squares, without a history and without storing them.
    package func sumOfSquares() -> Double { reduced(MR_SUM_OF_SQUARES, Array(shape.indices)).item() }

    /// The index of the largest element along an axis, the first of equal ones, as int64. NaN counts as largest.
    ///
    /// Of the flattened tensor where `axis` is `nil`.
    public func argmax(alongAxis axis: Int? = nil, keepingAxis: Bool = false) -> Tensor {
        argument(smallest: false, axis, keepingAxis)
    }

    /// The index of the smallest element along an axis, the first of equal ones, as int64. NaN counts as smallest.
    public func argmin(alongAxis axis: Int? = nil, keepingAxis: Bool = false) -> Tensor {
        argument(smallest: true, axis, keepingAxis)
    }

    private func argument(smallest: Bool, _ axis: Int?, _ keepingAxis: Bool) -> Tensor {
        guard let axis, !shape.isEmpty else {
            return alias().reshaped(to: [elementCount]).argument(smallest: smallest, 0, false)
        }
        let place = TensorGeometry.axis(axis, rank: rank)
        require(shape[place] > 0, "index of an extreme of no elements: shape \(shape)")
        // Integers beyond 2^53 are compared in double precision.
        let type: DType = dtype.computeType == .float32 ? .float32 : .float64
        let packed = alias().to(type).contiguous()
        let (outer, inner) = (shape[..<place].reduce(1, *), shape[(place + 1)...].reduce(1, *))
        let result = Tensor(
            uninitialized: keepingAxis ? shapeWithOnes([place]) : shapeWithout([place]), dtype: .int64)
        let out = result.pointer(Int64.self)
        if type == .float32 {
            mr_arg_f32(smallest ? 1 : 0, outer, shape[place], inner, packed.pointer(Float.self), out)
        } else {
            mr_arg_f64(smallest ? 1 : 0, outer, shape[place], inner, packed.pointer(Double.self), out)
        }
        withExtendedLifetime((packed, result)) {}
        return result
    }

    /// log(sum(exp(x))) along an axis, without overflow.
    public func logSumExp(alongAxis axis: Int, keepingAxis: Bool = false) -> Tensor {
        let largest = detach().max(alongAxis: axis, keepingAxes: true)
        let result = (self - largest).exp().sum(alongAxis: axis, keepingAxes: true).log() + largest
        return keepingAxis ? result : result.squeezed(axis)
    }
}
