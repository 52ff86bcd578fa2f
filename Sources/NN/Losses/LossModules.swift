import Foundations
public import Tensors

/// A loss with settings, to be called as `loss(input, target)`.
public class Loss: Module {
    /// How single losses become one.
    public final let reduction: Reduction

    init(_ reduction: Reduction) { self.reduction = reduction }

    /// Computes the loss.
    public func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        trap("\(typeName) does not compute a loss")
    }

    /// Computes the loss.
    public final func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor { forward(input, target) }
}

/// ``mseLoss(_:_:reduction:)`` as a module.
public final class MSELoss: Loss {
    /// The mean unless told otherwise.
    public override init(_ reduction: Reduction = .mean) { super.init(reduction) }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        mseLoss(input, target, reduction: reduction)
    }
}

/// ``l1Loss(_:_:reduction:)`` as a module.
public final class L1Loss: Loss {
    /// The mean unless told otherwise.
    public override init(_ reduction: Reduction = .mean) { super.init(reduction) }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        l1Loss(input, target, reduction: reduction)
    }
}

/// ``huberLoss(_:_:delta:reduction:)`` as a module.
public final class HuberLoss: Loss {
    private let delta: Double
    /// Quadratic up to `delta`.
    public init(delta: Double = 1, _ reduction: Reduction = .mean) {
        self.delta = delta
        super.init(reduction)
    }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        huberLoss(input, target, delta: delta, reduction: reduction)
    }
}

/// ``crossEntropy(_:_:weight:ignoreIndex:labelSmoothing:reduction:)`` as a module.
public final class CrossEntropyLoss: Loss {
    /// One for each class.
    @Buffer public var weight: Tensor?
    private let ignoreIndex: Int
    private let labelSmoothing: Double
    /// All classes alike, no smoothing, the mean, unless told otherwise.
    public init(
        weight: Tensor? = nil, ignoreIndex: Int = -100, labelSmoothing: Double = 0,
        _ reduction: Reduction = .mean
    ) {
        self.weight = weight
        self.ignoreIndex = ignoreIndex
        self.labelSmoothing = labelSmoothing
        super.init(reduction)
    }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        crossEntropy(
            input, target, weight: weight, ignoreIndex: ignoreIndex, labelSmoothing: labelSmoothing,
            reduction: reduction)
    }
}

/// ``nllLoss(_:_:weight:ignoreIndex:reduction:)`` as a module.
public final class NLLLoss: Loss {
    /// One for each class.
    @Buffer public var weight: Tensor?
    private let ignoreIndex: Int
    /// All classes alike, the mean, unless told otherwise.
    public init(weight: Tensor? = nil, ignoreIndex: Int = -100, _ reduction: Reduction = .mean) {
        self.weight = weight
        self.ignoreIndex = ignoreIndex
        super.init(reduction)
    }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        nllLoss(input, target, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction)
    }
}

/// ``bceWithLogitsLoss(_:_:weight:positiveWeight:reduction:)`` as a module.
public final class BCEWithLogitsLoss: Loss {
    /// For each element.
    @Buffer public var weight: Tensor?
    /// Counts positive targets as often.
    @Buffer public var positiveWeight: Tensor?
    /// All alike, the mean, unless told otherwise.
    public init(weight: Tensor? = nil, positiveWeight: Tensor? = nil, _ reduction: Reduction = .mean) {
        self.weight = weight
        self.positiveWeight = positiveWeight
        super.init(reduction)
    }
    /// weight and pos_weight, where there are.
    public override var members: [Member] {
        (weight.map { [.buffer("weight", $0)] } ?? [])
            + (positiveWeight.map { [.buffer("pos_weight", $0)] } ?? [])
    }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        bceWithLogitsLoss(input, target, weight: weight, positiveWeight: positiveWeight, reduction: reduction)
    }
}
