public import Tensors

/// ``bceLoss(_:_:weight:reduction:)`` as a module.
public final class BCELoss: Loss {
    /// The mean unless told otherwise.
    public override init(_ reduction: Reduction = .mean) { super.init(reduction) }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        bceLoss(input, target, reduction: reduction)
    }
}

/// ``smoothL1Loss(_:_:beta:reduction:)`` as a module.
public final class SmoothL1Loss: Loss {
    private let beta: Double
    /// Quadratic up to `beta`.
    public init(beta: Double = 1, _ reduction: Reduction = .mean) {
        self.beta = beta
        super.init(reduction)
    }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        smoothL1Loss(input, target, beta: beta, reduction: reduction)
    }
}

/// ``klDivLoss(_:_:logTarget:batchMean:reduction:)`` as a module.
public final class KLDivLoss: Loss {
    private let (logTarget, batchMean): (Bool, Bool)
    /// For log-probabilities as input.
    public init(logTarget: Bool = false, batchMean: Bool = false, _ reduction: Reduction = .mean) {
        (self.logTarget, self.batchMean) = (logTarget, batchMean)
        super.init(reduction)
    }
    /// Computes the loss.
    public override func forward(_ input: Tensor, _ target: Tensor) -> Tensor {
        klDivLoss(input, target, logTarget: logTarget, batchMean: batchMean, reduction: reduction)
    }
}
