import Foundations
public import Tensors

/// Normalises over the last axes: (x - mean) / sqrt(variance + epsilon) · weight + bias.
///
/// Source: Ba, Kiros & Hinton 2016.
public final class LayerNorm: Module, Layer {
    /// The shape that is normalised, ones at first.
    @Parameter public var weight: Tensor?
    /// The same shape, zeros at first.
    @Parameter public var bias: Tensor?

    private let normalizedShape: [Int]
    private let epsilon: Double

    /// Normalises over the last axes, whose lengths are `normalizedShape`.
    ///
    /// - Parameter elementwiseAffine: Whether there are weight and bias.
    public init(
        _ normalizedShape: [Int], epsilon: Double = 1e-5, elementwiseAffine: Bool = true,
        bias hasBias: Bool = true,
        dtype: DType = .float32
    ) {
        self.normalizedShape = normalizedShape
        self.epsilon = epsilon
        weight = elementwiseAffine ? .ones(normalizedShape, dtype: dtype) : nil
        bias = elementwiseAffine && hasBias ? .zeros(normalizedShape, dtype: dtype) : nil
    }

    /// Normalises over the last axis, of length `size`.
    public convenience init(_ size: Int, epsilon: Double = 1e-5, dtype: DType = .float32) {
        self.init([size], epsilon: epsilon, dtype: dtype)
    }

    /// weight and bias, where there are.
    public override var members: [Member] {
        (weight.map { [.parameter("weight", $0)] } ?? []) + (bias.map { [.parameter("bias", $0)] } ?? [])
    }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        let shape = normalizedShape.map(String.init).joined(separator: ", ")
        return "(\(shape)\(normalizedShape.count == 1 ? "," : "")), eps=\(python(epsilon)), "
            + "elementwise_affine=\(python(weight != nil)), bias=\(python(bias != nil))"
    }

    /// - Parameter x: Any shape that ends in the normalised one.
    public func forward(_ x: Tensor) -> Tensor {
        require(
            Array(x.shape.suffix(normalizedShape.count)) == normalizedShape,
            "layer norm over \(normalizedShape) of input \(x.shape)")
        return x.layerNorm(axisCount: normalizedShape.count, weight: weight, bias: bias, epsilon: epsilon)
    }
}

/// Normalises each channel over a batch; in evaluation, with running averages of mean and variance.
///
/// Source: Ioffe & Szegedy 2015.
public class BatchNorm: Module, Layer {
    /// Shape `[channels]`, ones at first.
    @Parameter public final var weight: Tensor?
    /// Shape `[channels]`, zeros at first.
    @Parameter public final var bias: Tensor?
    /// Shape `[channels]`, zeros at first.
    @Buffer public final var runningMean: Tensor?
    /// Shape `[channels]`, ones at first. Of the unbiased variances.
    @Buffer public final var runningVariance: Tensor?
    /// Batches seen in training, an int64 scalar.
    @Buffer public final var batchCount: Tensor?

    private let channels: Int
    private let epsilon: Double
    private let momentum: Double?
    private let ranks: ClosedRange<Int>

    fileprivate init(
        _ channels: Int, ranks: ClosedRange<Int>, epsilon: Double, momentum: Double?, affine: Bool,
        trackRunningStats: Bool, dtype: DType
    ) {
        self.channels = channels
        self.ranks = ranks
        self.epsilon = epsilon
        self.momentum = momentum
        weight = affine ? .ones([channels], dtype: dtype) : nil
        bias = affine ? .zeros([channels], dtype: dtype) : nil
        runningMean = trackRunningStats ? .zeros([channels], dtype: dtype) : nil
        runningVariance = trackRunningStats ? .ones([channels], dtype: dtype) : nil
        batchCount = trackRunningStats ? Tensor([Int64(0)], shape: []) : nil
    }

    /// weight, bias, running_mean, running_var and num_batches_tracked, where there are.
    public override var members: [Member] {
        (weight.map { [.parameter("weight", $0)] } ?? []) + (bias.map { [.parameter("bias", $0)] } ?? [])
            + (runningMean.map { [.buffer("running_mean", $0)] } ?? [])
            + (runningVariance.map { [.buffer("running_var", $0)] } ?? [])
            + (batchCount.map { [.buffer("num_batches_tracked", $0)] } ?? [])
    }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "\(channels), eps=\(python(epsilon)), momentum=\(momentum.map(python) ?? "None"), "
            + "affine=\(python(weight != nil)), bias=\(python(bias != nil)), "
            + "track_running_stats=\(python(runningMean != nil))"
    }

    /// - Parameter x: Channels on axis 1.
    public func forward(_ x: Tensor) -> Tensor {
        require(
            ranks.contains(x.rank) && x.shape[1] == channels,
            "\(typeName)(\(channels)) of input \(x.shape)")
        if x.rank > 2, x.dtype == .float32 || x.dtype == .float64,
            [weight, bias, runningMean, runningVariance].allSatisfy({ $0.map { $0.dtype == x.dtype } ?? true })
        {
            return normalizedAtOnce(x)
        }
        let axes = x.shape.indices.filter { $0 != 1 }
        let perChannel = [channels] + [Int](repeating: 1, count: x.rank - 2)
        let count = axes.reduce(1) { $0 * x.shape[$1] }
        var centered: Tensor
        var variance: Tensor
        if isTraining || runningMean == nil {
            require(
                !isTraining || count > 1,
                "\(typeName) needs more than one value per channel in training: \(x.shape)")
            let mean = x.mean(alongAxes: axes, keepingAxes: true)
            centered = x - mean
            variance = centered.square().mean(alongAxes: axes, keepingAxes: true)
            if isTraining { track(mean: mean, variance: variance, count: count) }
        } else {
            centered = x - (runningMean ?? 0).reshaped(to: perChannel)
            variance = (runningVariance ?? 1).reshaped(to: perChannel)
        }
        var scale = (variance + epsilon).rsqrt()
        if let weight { scale = scale * weight.reshaped(to: perChannel) }
        let result = centered * scale
        return bias.map { result + $0.reshaped(to: perChannel) } ?? result
    }

    /// Sequences and images, as one operation.
    private func normalizedAtOnce(_ x: Tensor) -> Tensor {
        if !isTraining, let runningMean, let runningVariance {
            return x.batchNorm(
                means: runningMean, variances: runningVariance, follows: false, weight: weight, bias: bias,
                epsilon: epsilon)
        }
        let count = x.elementCount / max(channels, 1)
        require(
            !isTraining || count > 1,
            "\(typeName) needs more than one value per channel in training: \(x.shape)")
        let (means, variances) = x.channelStatistics()
        if isTraining { track(mean: means, variance: variances, count: count) }
        return x.batchNorm(
            means: means, variances: variances, follows: true, weight: weight, bias: bias, epsilon: epsilon)
    }

    private func track(mean: Tensor, variance: Tensor, count: Int) {
        guard let runningMean, let runningVariance, let batchCount else { return }
        withoutGradient {
            batchCount.copy(from: batchCount + 1)
            // Without a momentum, the plain average of all batches.
            let share = momentum ?? 1 / batchCount.item()
            let unbiased = variance.reshaped(to: [channels]) * (Double(count) / Double(count - 1))
            runningMean.copy(from: runningMean * (1 - share) + mean.reshaped(to: [channels]) * share)
            runningVariance.copy(
                from: runningVariance * (1 - share) + unbiased * share)
        }
    }
}

/// ``BatchNorm`` of `[count, channels]` or `[count, channels, length]`.
public final class BatchNorm1d: BatchNorm {
    /// For `channels` channels.
    public init(
        _ channels: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
        trackRunningStats: Bool = true, dtype: DType = .float32
    ) {
        super.init(
            channels, ranks: 2...3, epsilon: epsilon, momentum: momentum, affine: affine,
            trackRunningStats: trackRunningStats, dtype: dtype)
    }
}

/// ``BatchNorm`` of `[count, channels, height, width]`.
public final class BatchNorm2d: BatchNorm {
    /// For `channels` channels.
    public init(
        _ channels: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
        trackRunningStats: Bool = true, dtype: DType = .float32
    ) {
        super.init(
            channels, ranks: 4...4, epsilon: epsilon, momentum: momentum, affine: affine,
            trackRunningStats: trackRunningStats, dtype: dtype)
    }
}
