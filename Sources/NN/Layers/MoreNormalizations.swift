import Foundations
public import Tensors

/// Normalises each of several groups of channels of each example.
///
/// Source: Wu & He 2018.
public final class GroupNorm: Module, Layer {
    /// Shape `[channels]`, ones at first.
    @Parameter public var weight: Tensor?
    /// Shape `[channels]`, zeros at first.
    @Parameter public var bias: Tensor?

    private let (groupCount, channels, epsilon): (Int, Int, Double)

    /// For `channels` channels in `groupCount` groups.
    public init(
        _ groupCount: Int, _ channels: Int, epsilon: Double = 1e-5, affine: Bool = true,
        bias hasBias: Bool = true,
        dtype: DType = .float32
    ) {
        require(groupCount > 0 && channels % groupCount == 0, "GroupNorm(\(groupCount), \(channels))")
        (self.groupCount, self.channels, self.epsilon) = (groupCount, channels, epsilon)
        weight = affine ? .ones([channels], dtype: dtype) : nil
        bias = affine && hasBias ? .zeros([channels], dtype: dtype) : nil
    }

    /// weight and bias, where there are.
    public override var members: [Member] {
        (weight.map { [.parameter("weight", $0)] } ?? []) + (bias.map { [.parameter("bias", $0)] } ?? [])
    }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "\(groupCount), \(channels), eps=\(python(epsilon)), affine=\(python(weight != nil)), bias=\(python(bias != nil))"
    }

    /// - Parameter x: Shape `[count, channels, …]`.
    public func forward(_ x: Tensor) -> Tensor {
        require(
            x.rank >= 2 && x.shape[1] == channels, "GroupNorm(\(groupCount), \(channels)) of input \(x.shape)")
        return groupNorm(x, groupCount, weight: weight, bias: bias, epsilon: epsilon)
    }
}

/// Divides by the root of the mean square over the last axes.
///
/// Source: Zhang & Sennrich 2019.
public final class RMSNorm: Module, Layer {
    /// The shape that is normalised, ones at first.
    @Parameter public var weight: Tensor?

    private let normalizedShape: [Int]
    private let epsilon: Double?

    /// Normalises over the last axes, whose lengths are `normalizedShape`.
    ///
    /// - Parameter epsilon: Added to the mean square; where `nil` the distance from 1 to the next number of the dtype.
    public init(
        _ normalizedShape: [Int], epsilon: Double? = nil, elementwiseAffine: Bool = true,
        dtype: DType = .float32
    ) {
        self.normalizedShape = normalizedShape
        self.epsilon = epsilon
        weight = elementwiseAffine ? .ones(normalizedShape, dtype: dtype) : nil
    }

    /// Normalises over the last axis, of length `size`.
    public convenience init(_ size: Int, epsilon: Double? = nil, dtype: DType = .float32) {
        self.init([size], epsilon: epsilon, dtype: dtype)
    }

    /// weight, where there is one.
    public override var members: [Member] { weight.map { [.parameter("weight", $0)] } ?? [] }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        let shape = normalizedShape.map(String.init).joined(separator: ", ")
        return "(\(shape)\(normalizedShape.count == 1 ? "," : "")), eps=\(epsilon.map(python) ?? "None"), "
            + "elementwise_affine=\(python(weight != nil))"
    }

    /// - Parameter x: Any shape that ends in the normalised one.
    public func forward(_ x: Tensor) -> Tensor { rmsNorm(x, normalizedShape, weight: weight, epsilon: epsilon) }
}

/// In training, sets whole channels to 0 with a probability and scales the others up to keep the mean.
///
/// Source: Tompson et al. 2015.
public final class Dropout2d: Module, Layer {
    private let probability: Double
    private let generator: RandomGenerator

    /// - Precondition: `probability` is from 0 to 1.
    public init(_ probability: Double = 0.5, generator: RandomGenerator = .shared) {
        require((0...1).contains(probability), "dropout with probability \(probability)")
        (self.probability, self.generator) = (probability, generator)
    }

    /// No entries.
    public override var members: [Member] { [] }
    /// The one it was made with.
    public override var randomGenerators: [RandomGenerator] { [generator] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "p=\(python(probability)), inplace=False" }

    /// The input itself in evaluation.
    ///
    /// - Parameter x: Shape `[count, channels, height, width]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor {
        require(x.rank == 3 || x.rank == 4, "Dropout2d of input \(x.shape)")
        if !isTraining || probability == 0 { return x }
        return dropped(x, probability, generator, shape: Array(x.shape.dropLast(2)) + [1, 1])
    }
}
