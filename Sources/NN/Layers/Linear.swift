import Foundations
public import Tensors

/// A fully connected layer: x · weightᵀ + bias.
public class Linear: Module, Layer {
    /// Shape `[out, in]`.
    @Parameter public final var weight: Tensor
    /// Shape `[out]`.
    @Parameter public final var bias: Tensor?

    /// A layer from `inputSize` to `outputSize` features.
    ///
    /// Weight and bias begin with U(-1/sqrt(in), 1/sqrt(in)), as in PyTorch.
    public init(
        _ inputSize: Int, _ outputSize: Int, bias hasBias: Bool = true, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        require(inputSize >= 0 && outputSize >= 0, "Linear(\(inputSize), \(outputSize))")
        let rule = Initializer.layerDefault(fanIn: inputSize)
        weight = .zeros([outputSize, inputSize], dtype: dtype)
        bias = hasBias ? .zeros([outputSize], dtype: dtype) : nil
        super.init()
        weight.initialize(rule, generator: generator)
        bias?.initialize(rule, generator: generator)
    }

    /// weight, and bias where there is one.
    public override var members: [Member] {
        [.parameter("weight", weight)] + (bias.map { [.parameter("bias", $0)] } ?? [])
    }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "in_features=\(weight.shape[1]), out_features=\(weight.shape[0]), bias=\(python(bias != nil))"
    }

    /// - Parameter x: Shape `[..., in]`.
    /// - Returns: Shape `[..., out]`.
    public final func forward(_ x: Tensor) -> Tensor { x.linear(weight, bias: bias) }
}

/// Returns its input.
public final class Identity: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The input.
    public func forward(_ x: Tensor) -> Tensor { x }
}

/// Joins all axes from `start` through `end`; all but the first unless given.
public final class Flatten: Module, Layer {
    private let start: Int
    private let end: Int

    /// Joins axes `start` through `end`; negative ones count from the end.
    public init(from start: Int = 1, through end: Int = -1) {
        (self.start, self.end) = (start, end)
    }

    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "start_dim=\(start), end_dim=\(end)" }
    /// The input with fewer axes.
    public func forward(_ x: Tensor) -> Tensor { x.flattened(from: start, through: end) }
}
