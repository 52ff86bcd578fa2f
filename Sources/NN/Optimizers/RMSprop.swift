public import OrderedCollections
public import Tensors

/// The settings of ``RMSprop``.
public struct RMSpropOptions: OptimizerOptions {
    /// The size of a step.
    public var learningRate: Double
    /// How slowly the average of squares changes.
    public var alpha: Double
    /// Added to the denominator.
    public var epsilon: Double
    /// This share of the parameter is added to its gradient.
    public var weightDecay: Double
    /// How much of the last change is kept; 0 for none.
    public var momentum: Double
    /// Whether the average gradient is subtracted.
    public var isCentered: Bool
    /// Whether to climb instead.
    public var maximizes: Bool

    /// PyTorch's defaults.
    public init(
        learningRate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8, weightDecay: Double = 0,
        momentum: Double = 0, isCentered: Bool = false, maximizes: Bool = false
    ) {
        (self.learningRate, self.alpha, self.epsilon, self.weightDecay) = (
            learningRate, alpha, epsilon, weightDecay
        )
        (self.momentum, self.isCentered, self.maximizes) = (momentum, isCentered, maximizes)
    }

    /// The settings of a group of a state.
    public init(group: OptimizerState.Group, index: Int) throws(OptimizerStateError) {
        let reader = SettingReader(group: group, index: index)
        self.init(
            learningRate: try reader.number("lr"), alpha: try reader.number("alpha"),
            epsilon: try reader.number("eps"), weightDecay: try reader.number("weight_decay"),
            momentum: try reader.number("momentum"), isCentered: try reader.boolean("centered"),
            maximizes: try reader.boolean("maximize"))
    }

    /// By PyTorch's names, in its order.
    public var settings: OrderedDictionary<String, OptimizerState.Value> {
        [
            "lr": .number(learningRate), "momentum": .number(momentum), "alpha": .number(alpha),
            "eps": .number(epsilon), "centered": .boolean(isCentered), "weight_decay": .number(weightDecay),
            "capturable": .boolean(false), "foreach": .none, "maximize": .boolean(maximizes),
            "differentiable": .boolean(false),
        ]
    }
}

/// RMSprop: steps scaled by a running average of the squared gradient.
///
/// Source: Hinton 2012, lecture 6e; same as `torch.optim.RMSprop`.
public final class RMSprop: GroupedOptimizer<RMSpropOptions> {
    /// Trains `parameters`.
    public convenience init(
        _ parameters: [Tensor], learningRate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8,
        weightDecay: Double = 0, momentum: Double = 0, centered: Bool = false, maximize: Bool = false
    ) {
        self.init(groups: [
            .init(
                parameters,
                .init(
                    learningRate: learningRate, alpha: alpha, epsilon: epsilon, weightDecay: weightDecay,
                    momentum: momentum, isCentered: centered, maximizes: maximize))
        ])
    }

    /// Trains groups with settings of their own.
    ///
    /// - Precondition: No parameter is in two groups.
    public init(groups: [ParameterGroup<RMSpropOptions>]) { super.init(groups) }

    override func tensorNames(_ options: RMSpropOptions) -> [String] {
        ["square_avg"] + (options.momentum > 0 ? ["momentum_buffer"] : [])
            + (options.isCentered ? ["grad_avg"] : [])
    }

    override func update(
        _ parameter: Tensor, _ gradient: Tensor, _ slot: inout Slot, isFirst: Bool, _ options: RMSpropOptions
    ) {
        let step = RMSpropStep(
            learningRate: options.learningRate, alpha: options.alpha, epsilon: options.epsilon,
            weightDecay: options.weightDecay, momentum: options.momentum, maximizes: options.maximizes)
        parameter.take(
            step, gradient: gradient, squareAverage: slot.tensors[0],
            momentum: options.momentum > 0 ? slot.tensors[1] : nil,
            average: options.isCentered ? slot.tensors[slot.tensors.count - 1] : nil)
    }
}
