public import Tensors

/// max(0, x).
public final class ReLU: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// max(0, x) of each element.
    public func forward(_ x: Tensor) -> Tensor { x.relu() }
}

/// x, or slope · x where it is negative.
public final class LeakyReLU: Module, Layer {
    private let slope: Double
    /// The slope of negative numbers, 0.01 unless given.
    public init(_ slope: Double = 0.01) { self.slope = slope }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "negative_slope=\(python(slope))" }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.leakyRelu(slope: slope) }
}

/// x, or alpha · (exp(x) - 1) where it is negative.
public final class ELU: Module, Layer {
    private let alpha: Double
    /// The limit of large negative numbers is -alpha.
    public init(alpha: Double = 1) { self.alpha = alpha }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "alpha=\(python(alpha))" }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.elu(alpha: alpha) }
}

/// The hyperbolic tangent.
public final class Tanh: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// tanh(x) of each element.
    public func forward(_ x: Tensor) -> Tensor { x.tanh() }
}

/// 1 / (1 + exp(-x)).
public final class Sigmoid: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// sigmoid(x) of each element.
    public func forward(_ x: Tensor) -> Tensor { x.sigmoid() }
}

/// x · Φ(x).
public final class GELU: Module, Layer {
    /// How Φ is computed.
    public enum Approximation: String, Sendable {
        /// By the error function.
        case none
        /// By the hyperbolic tangent.
        case tanh
    }

    private let approximation: Approximation
    /// Exact unless told otherwise.
    public init(approximate approximation: Approximation = .none) { self.approximation = approximation }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "approximate='\(approximation.rawValue)'" }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.gelu(approximatedByTanh: approximation == .tanh) }
}

/// x · sigmoid(x).
public final class SiLU: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.silu() }
}

/// log(1 + exp(x)).
public final class Softplus: Module, Layer {
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "beta=1.0, threshold=20.0" }
    /// The function of each element.
    public func forward(_ x: Tensor) -> Tensor { x.softplus() }
}

/// exp(x) / sum(exp(x)) along an axis.
public final class Softmax: Module, Layer {
    private let axis: Int
    /// Along `axis`, the last unless given.
    public init(alongAxis axis: Int = -1) { self.axis = axis }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "dim=\(axis)" }
    /// The softmax.
    public func forward(_ x: Tensor) -> Tensor { x.softmax(alongAxis: axis) }
}

/// The logarithm of ``Softmax``.
public final class LogSoftmax: Module, Layer {
    private let axis: Int
    /// Along `axis`, the last unless given.
    public init(alongAxis axis: Int = -1) { self.axis = axis }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "dim=\(axis)" }
    /// The logarithm of the softmax.
    public func forward(_ x: Tensor) -> Tensor { x.logSoftmax(alongAxis: axis) }
}
