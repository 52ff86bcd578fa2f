internal import CKernels

extension Tensor {
    /// exp(x) / sum(exp(x)) along an axis, without overflow.
    public func softmax(alongAxis axis: Int = -1) -> Tensor { softmax(logarithm: false, axis) }

    /// log(softmax(x)) along an axis, precise also where the softmax rounds to 0.
    public func logSoftmax(alongAxis axis: Int = -1) -> Tensor { softmax(logarithm: true, axis) }

    private func softmax(logarithm: Bool, _ axis: Int) -> Tensor {
        let x = floating
        let type = x.dtype.computeType
        if type != x.dtype { return x.to(type).softmax(logarithm: logarithm, axis).to(x.dtype) }
        let place = TensorGeometry.axis(axis, rank: rank)
        if place != Swift.max(rank - 1, 0) {
            return x.transposed(place, -1).softmax(logarithm: logarithm, -1).transposed(place, -1)
        }
        let packed = x.detach().contiguous()
        let count = shape.last ?? 1
        let rows = count == 0 ? 0 : elementCount / count
        let result = Tensor(uninitializedLike: packed)
        let flag: Int32 = logarithm ? 1 : 0
        if type == .float32 {
            mr_softmax_f32(flag, rows, count, packed.pointer(Float.self), result.pointer(Float.self))
        } else {
            mr_softmax_f64(flag, rows, count, packed.pointer(Double.self), result.pointer(Double.self))
        }
        withExtendedLifetime((packed, result)) {}
        guard x.isRecorded else { return result }
        let saved = SavedTensor(result, for: "softmax")
        return result.recorded("softmax", [x]) { g in
            let (g, y) = (g.contiguous(), saved.value)
            let slope = Tensor(uninitializedLike: y)
            if type == .float32 {
                mr_softmax_slope_f32(
                    flag, rows, count, g.pointer(Float.self), y.pointer(Float.self), slope.pointer(Float.self))
            } else {
                mr_softmax_slope_f64(
                    flag, rows, count, g.pointer(Double.self), y.pointer(Double.self),
                    slope.pointer(Double.self))
            }
            withExtendedLifetime((g, y, slope)) {}
            return [slope]
        }
    }
}
