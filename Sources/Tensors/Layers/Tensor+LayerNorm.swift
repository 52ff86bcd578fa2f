internal import CKernels
import Foundations

extension Tensor {
    /// (x - mean) / sqrt(variance + epsilon) · weight + bias over the last axes.
    ///
    /// - Parameters:
    ///   - axisCount: How many of the last axes are normalised together.
    ///   - weight: The shape of these axes, as has `bias`.
    /// - Source: Ba, Kiros & Hinton 2016. The variance is the biased one.
    public func layerNorm(axisCount: Int = 1, weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5) -> Tensor
    {
        let normalShape = Array(shape.suffix(axisCount))
        require(
            axisCount <= rank && (weight.map { $0.shape == normalShape } ?? true)
                && (bias.map { $0.shape == normalShape } ?? true),
            "layer norm of \(shape) over \(axisCount) axes with weight \(weight?.shape ?? []) and bias \(bias?.shape ?? [])"
        )
        let type = dtype.computeType
        if type != dtype || weight.map({ $0.dtype != type }) ?? false || bias.map({ $0.dtype != type }) ?? false
        {
            return to(type).layerNorm(
                axisCount: axisCount, weight: weight?.to(type), bias: bias?.to(type), epsilon: epsilon
            ).to(dtype)
        }
        let x = detach().contiguous()
        let (w, b) = (weight?.detach().contiguous(), bias?.detach().contiguous())
        // The kernel wants a weight wherever there is a bias.
        let kernelWeight = w ?? b?.onesLike()
        let count = normalShape.reduce(1, *)
        let rows = count == 0 ? 0 : elementCount / count
        let result = Tensor(uninitializedLike: x)
        let (means, scales) = (
            Tensor(uninitialized: [rows], dtype: type), Tensor(uninitialized: [rows], dtype: type)
        )
        let zeroBias = kernelWeight != nil && b == nil ? kernelWeight?.zerosLike() : b
        if type == .float32 {
            mr_layer_norm_f32(
                rows, count, x.pointer(Float.self), kernelWeight?.pointer(Float.self),
                zeroBias?.pointer(Float.self),
                epsilon, result.pointer(Float.self), means.pointer(Float.self), scales.pointer(Float.self))
        } else {
            mr_layer_norm_f64(
                rows, count, x.pointer(Double.self), kernelWeight?.pointer(Double.self),
                zeroBias?.pointer(Double.self), epsilon, result.pointer(Double.self),
                means.pointer(Double.self),
                scales.pointer(Double.self))
        }
        withExtendedLifetime((x, kernelWeight, zeroBias, result)) {}
        guard isRecorded || weight?.isRecorded ?? false || bias?.isRecorded ?? false else { return result }
        let (needsX, needsWeight) = (requiresGrad, weight?.requiresGrad ?? false)
        let (hasBias, needsBias) = (bias != nil, bias?.requiresGrad ?? false)
        let savedX = SavedTensor(self, for: "layer norm")
        let savedWeight = weight.map { SavedTensor($0, for: "layer norm") }
        let inputs = [self] + (weight.map { [$0] } ?? []) + (bias.map { [$0] } ?? [])
        return result.recorded("layer norm", inputs) { g in
            let (g, x, w) = (g.contiguous(), savedX.value.contiguous(), savedWeight?.value.contiguous())
            let dx = needsX ? Tensor(uninitializedLike: x) : nil
            let dw = needsWeight ? Tensor(uninitialized: normalShape, dtype: type) : nil
            let db = needsBias ? Tensor(uninitialized: normalShape, dtype: type) : nil
            if type == .float32 {
                mr_layer_norm_slope_f32(
                    rows, count, g.pointer(Float.self), x.pointer(Float.self), w?.pointer(Float.self),
                    means.pointer(Float.self), scales.pointer(Float.self), dx?.pointer(Float.self),
                    dw?.pointer(Float.self), db?.pointer(Float.self))
            } else {
                mr_layer_norm_slope_f64(
                    rows, count, g.pointer(Double.self), x.pointer(Double.self), w?.pointer(Double.self),
                    means.pointer(Double.self), scales.pointer(Double.self), dx?.pointer(Double.self),
                    dw?.pointer(Double.self), db?.pointer(Double.self))
            }
            withExtendedLifetime((g, x, w, dx, dw, db, means, scales)) {}
            return [dx] + (savedWeight != nil ? [dw] : []) + (hasBias ? [db] : [])
        }
    }
}
