import Foundations

extension TensorGeometry {
    /// The shape that both shapes stretch to, aligned at the last axis, axes of length 1 repeated.
    ///
    /// - Precondition: Lengths agree or are 1.
    static func broadcast(_ a: [Int], _ b: [Int]) -> [Int] {
        if a == b { return a }
        let (long, short) = a.count >= b.count ? (a, b) : (b, a)
        var shape = long
        let lead = long.count - short.count
        for axis in short.indices {
            let (x, y) = (long[lead + axis], short[axis])
            require(x == y || x == 1 || y == 1, "shapes \(a) and \(b) do not broadcast")
            shape[lead + axis] = x == 1 ? y : x
        }
        return shape
    }

    /// The strides with which a tensor is read as `target`: 0 along repeated axes.
    static func broadcastStrides(of tensor: Tensor, to target: [Int]) -> [Int] {
        if tensor.shape == target { return tensor.strides }
        let lead = target.count - tensor.shape.count
        require(lead >= 0, "shape \(tensor.shape) does not broadcast to \(target)")
        var strides = [Int](repeating: 0, count: target.count)
        for axis in tensor.shape.indices {
            let length = tensor.shape[axis]
            require(
                length == target[lead + axis] || length == 1,
                "shape \(tensor.shape) does not broadcast to \(target)")
            strides[lead + axis] = length == target[lead + axis] ? tensor.strides[axis] : 0
        }
        return strides
    }

    /// `axis`, where a negative one counts from the end.
    ///
    /// - Precondition: There is such an axis.
    @inline(__always)
    package static func axis(_ axis: Int, rank: Int) -> Int {
        let wrapped = axis < 0 ? axis + rank : axis
        require(wrapped >= 0 && wrapped < max(rank, 1), "axis \(axis) of a tensor of rank \(rank)")
        return wrapped
    }
}

extension Tensor {
    /// Sums over the axes along which a tensor of `target` was repeated to become this one.
    func summed(to target: [Int]) -> Tensor {
        if shape == target { return self }
        let lead = shape.count - target.count
        let axes = shape.indices.filter { $0 < lead || (target[$0 - lead] == 1 && shape[$0] != 1) }
        return sum(alongAxes: axes, keepingAxes: true).reshaped(to: target)
    }
}
