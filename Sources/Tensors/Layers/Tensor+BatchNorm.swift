internal import CKernels
import Foundations

extension Tensor {
    /// Means and variances (divided by the number of elements) of each channel, without a history.
    ///
    /// - Returns: Shape `[channels]`, where `self` is `[count, channels, …]` of float32 or float64.
    package func channelStatistics() -> (means: Tensor, variances: Tensor) {
        let x = detach().contiguous()
        let (count, channels, plane) = channelSizes
        let means = Tensor(uninitialized: [channels], dtype: dtype)
        let variances = Tensor(uninitialized: [channels], dtype: dtype)
        if dtype == .float32 {
            mr_channel_statistics_f32(
                count, channels, plane, x.pointer(Float.self), means.pointer(Float.self),
                variances.pointer(Float.self))
        } else {
            mr_channel_statistics_f64(
                count, channels, plane, x.pointer(Double.self), means.pointer(Double.self),
                variances.pointer(Double.self))
        }
        withExtendedLifetime(x) {}
        return (means, variances)
    }

    private var channelSizes: (count: Int, channels: Int, plane: Int) {
        (shape[0], shape[1], shape[2...].reduce(1, *))
    }

    /// (x - mean) / sqrt(variance + epsilon) · weight + bias by channel, as one operation.
    ///
    /// - Parameters:
    ///   - means: Shape `[channels]`, where `self` is `[count, channels, …]` of float32 or float64.
    ///   - follows: Whether means and variances are those of `self`, so that its gradient goes through them.
    ///   - weight: Shape `[channels]`.
    ///   - bias: Shape `[channels]`.
    package func batchNorm(
        means: Tensor, variances: Tensor, follows: Bool, weight: Tensor?, bias: Tensor?, epsilon: Double
    ) -> Tensor {
        let (count, channels, plane) = channelSizes
        let (x, means, variances) = (
            detach().contiguous(), means.detach().contiguous(), variances.detach().contiguous()
        )
        let (w, b) = (weight?.detach().contiguous(), bias?.detach().contiguous())
        let result = Tensor(uninitialized: shape, dtype: dtype)
        if dtype == .float32 {
            mr_batch_norm_f32(
                count, channels, plane, x.pointer(Float.self), means.pointer(Float.self),
                variances.pointer(Float.self), epsilon, w?.pointer(Float.self), b?.pointer(Float.self),
                result.pointer(Float.self))
        } else {
            mr_batch_norm_f64(
                count, channels, plane, x.pointer(Double.self), means.pointer(Double.self),
                variances.pointer(Double.self), epsilon, w?.pointer(Double.self), b?.pointer(Double.self),
                result.pointer(Double.self))
        }
        withExtendedLifetime((x, means, variances, w, b)) {}
        guard isRecorded || weight?.isRecorded ?? false || bias?.isRecorded ?? false else { return result }
        let savedInput = SavedTensor(self, for: "batch norm")
        let savedWeight = weight.map { SavedTensor($0, for: "batch norm") }
        // Running averages change with the next batch; they are copied where they are used.
        let (keptMeans, keptVariances) = follows ? (means, variances) : (means.copied(), variances.copied())
        let needsInput = requiresGrad
        let (hasWeight, hasBias) = (weight != nil, bias != nil)
        let inputs = [self] + [weight, bias].compactMap { $0 }
        return result.recorded("batch norm", inputs) { g in
            let (g, x, w) = (g.contiguous(), savedInput.value.contiguous(), savedWeight?.value.contiguous())
            let dx = needsInput ? Tensor(uninitialized: x.shape, dtype: x.dtype) : nil
            let dw = hasWeight ? Tensor(uninitialized: [channels], dtype: x.dtype) : nil
            let db = hasBias ? Tensor(uninitialized: [channels], dtype: x.dtype) : nil
            let flag: Int32 = follows ? 1 : 0
            if x.dtype == .float32 {
                mr_batch_norm_slope_f32(
                    flag, count, channels, plane, g.pointer(Float.self), x.pointer(Float.self),
                    keptMeans.pointer(Float.self), keptVariances.pointer(Float.self), epsilon,
                    w?.pointer(Float.self),
                    dx?.pointer(Float.self), dw?.pointer(Float.self), db?.pointer(Float.self))
            } else {
                mr_batch_norm_slope_f64(
                    flag, count, channels, plane, g.pointer(Double.self), x.pointer(Double.self),
                    keptMeans.pointer(Double.self), keptVariances.pointer(Double.self), epsilon,
                    w?.pointer(Double.self), dx?.pointer(Double.self), dw?.pointer(Double.self),
                    db?.pointer(Double.self))
            }
            withExtendedLifetime((g, x, w, keptMeans, keptVariances)) {}
            return [dx] + (hasWeight ? [dw] : []) + (hasBias ? [db] : [])
        }
    }
}
