internal import CKernels
import Foundations

extension Tensor {
    /// -log softmax(x)[target] of each row, fused: one pass forward and one back.
    ///
    /// - Parameters:
    ///   - targets: Class indices, int64, shape `[rows]`.
    ///   - ignoring: Rows with this target lose 0 and get no gradient.
    /// - Returns: Shape `[rows]`, where `self` is `[rows, classes]`.
    /// - Precondition: Targets are in range.
    public func rowCrossEntropy(_ targets: Tensor, ignoring ignored: Int = -100) -> Tensor {
        require(
            rank == 2 && targets.shape == [shape[0]] && targets.dtype.isInteger,
            "cross-entropy of \(shape) with \(targets.dtype) targets of shape \(targets.shape)")
        let type = dtype.computeType
        if type != dtype { return to(type).rowCrossEntropy(targets, ignoring: ignored).to(dtype) }
        let (x, index) = (detach().contiguous(), targets.to(.int64).contiguous())
        let (rows, classes) = (shape[0], shape[1])
        let losses = Tensor(uninitialized: [rows], dtype: dtype)
        let softmax = Tensor(uninitializedLike: x)
        let bad =
            type == .float32
            ? mr_cross_entropy_f32(
                rows, classes, x.pointer(Float.self), index.pointer(Int64.self), Int64(ignored),
                losses.pointer(Float.self), softmax.pointer(Float.self))
            : mr_cross_entropy_f64(
                rows, classes, x.pointer(Double.self), index.pointer(Int64.self), Int64(ignored),
                losses.pointer(Double.self), softmax.pointer(Double.self))
        require(
            bad < 0,
            "target \(index.pointer(Int64.self)[Swift.max(bad, 0)]) of row \(bad) for \(classes) classes")
        withExtendedLifetime((x, index, losses, softmax)) {}
        guard isRecorded else { return losses }
        let savedIndex = SavedTensor(index, for: "cross-entropy")
        return losses.recorded("cross-entropy", [self]) { g in
            let index = savedIndex.value
            let result = Tensor(uninitializedLike: softmax)
            let stride = g.strides[0]
            if type == .float32 {
                mr_cross_entropy_slope_f32(
                    rows, classes, softmax.pointer(Float.self), index.pointer(Int64.self), Int64(ignored),
                    g.pointer(Float.self), stride, result.pointer(Float.self))
            } else {
                mr_cross_entropy_slope_f64(
                    rows, classes, softmax.pointer(Double.self), index.pointer(Int64.self), Int64(ignored),
                    g.pointer(Double.self), stride, result.pointer(Double.self))
            }
            withExtendedLifetime((index, g, result)) {}
            return [result]
        }
    }
}
