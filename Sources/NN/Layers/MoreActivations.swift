import Foundations
public import Tensors

/// x, or a learnt slope times x where it is negative.
///
/// Source: He et al. 2015.
public final class PReLU: Module, Layer {
    /// One slope, or one for each channel; 0.25 at first.
    @Parameter public var weight: Tensor

    /// One slope for all channels unless `parameterCount` is theirs.
    public init(_ parameterCount: Int = 1, initial: Double = 0.25, dtype: DType = .float32) {
        weight = .full([parameterCount], initial, dtype: dtype)
    }

    /// weight.
    public override var members: [Member] { [.parameter("weight", weight)] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "num_parameters=\(weight.elementCount)" }

    /// - Parameter x: Channels on axis 1, where there are several slopes.
    public func forward(_ x: Tensor) -> Tensor {
        let slopes =
            weight.elementCount == 1 || x.rank < 2
            ? weight : weight.reshaped(to: [weight.elementCount] + [Int](repeating: 1, count: x.rank - 2))
        return Tensor.where(x .> 0, x, x * slopes)
    }
}

/// x · tanh(softplus(x)).
public final class Mish: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.mish() }
}

/// x limited to 0 through 6.
public final class ReLU6: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.relu6() }
}

/// (x + 3) / 6, limited to 0 through 1.
public final class Hardsigmoid: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.hardSigmoid() }
}

/// x times (x + 3) / 6, limited to 0 through 1.
public final class Hardswish: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.hardSwish() }
}

/// ``ELU`` with the constants that keep mean and variance.
public final class SELU: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.selu() }
}

/// log(sigmoid(x)).
public final class LogSigmoid: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.logSigmoid() }
}

/// One half of an axis times the sigmoid of the other.
public final class GLU: Module, Layer {
    private let axis: Int
    /// Along `axis`, the last unless given.
    public init(alongAxis axis: Int = -1) { self.axis = axis }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "dim=\(axis)" }
    /// Half the length along the axis.
    public func forward(_ x: Tensor) -> Tensor { x.glu(alongAxis: axis) }
}
