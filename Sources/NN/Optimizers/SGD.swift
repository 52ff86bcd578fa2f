import Foundations
public import OrderedCollections
public import Tensors

/// The settings of ``SGD``.
public struct SGDOptions: OptimizerOptions {
    /// The size of a step.
    public var learningRate: Double
    /// How much of the last change is kept; 0 for none.
    public var momentum: Double
    /// How much less of the gradient enters the momentum.
    public var dampening: Double
    /// This share of the parameter is added to its gradient.
    public var weightDecay: Double
    /// Whether the gradient is looked at after the momentum (Nesterov 1983).
    public var isNesterov: Bool
    /// Whether to climb instead.
    public var maximizes: Bool

    /// PyTorch's defaults.
    public init(
        learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
        isNesterov: Bool = false, maximizes: Bool = false
    ) {
        (self.learningRate, self.momentum, self.dampening) = (learningRate, momentum, dampening)
        (self.weightDecay, self.isNesterov, self.maximizes) = (weightDecay, isNesterov, maximizes)
    }

    /// The settings of a group of a state.
    public init(group: OptimizerState.Group, index: Int) throws(OptimizerStateError) {
        let reader = SettingReader(group: group, index: index)
        self.init(
            learningRate: try reader.number("lr"), momentum: try reader.number("momentum"),
            dampening: try reader.number("dampening"), weightDecay: try reader.number("weight_decay"),
            isNesterov: try reader.boolean("nesterov"), maximizes: try reader.boolean("maximize"))
    }

    /// By PyTorch's names, in its order.
    public var settings: OrderedDictionary<String, OptimizerState.Value> {
        [
            "lr": .number(learningRate), "momentum": .number(momentum), "dampening": .number(dampening),
            "weight_decay": .number(weightDecay), "nesterov": .boolean(isNesterov),
            "maximize": .boolean(maximizes), "foreach": .none, "differentiable": .boolean(false),
            "fused": .none,
        ]
    }
}

/// Stochastic gradient descent, with momentum if wanted.
///
/// With gradient g of parameter p: g += decay · p; m = momentum · m + (1 - dampening) · g, where the first m is g;
/// p -= rate · m, or with Nesterov's momentum p -= rate · (g + momentum · m). As `torch.optim.SGD`.
public final class SGD: GroupedOptimizer<SGDOptions> {
    /// Trains `parameters`.
    public convenience init(
        _ parameters: [Tensor], learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0,
        weightDecay: Double = 0, nesterov: Bool = false, maximize: Bool = false
    ) {
        self.init(groups: [
            .init(
                parameters,
                .init(
                    learningRate: learningRate, momentum: momentum, dampening: dampening,
                    weightDecay: weightDecay,
                    isNesterov: nesterov, maximizes: maximize))
        ])
    }

    /// Trains groups with settings of their own.
    ///
    /// - Precondition: Nesterov's momentum needs a momentum and no dampening. No parameter is in two groups.
    public init(groups: [ParameterGroup<SGDOptions>]) {
        for group in groups where group.options.isNesterov {
            require(
                group.options.momentum > 0 && group.options.dampening == 0,
                "Nesterov's momentum needs a momentum and no dampening, not \(group.options)")
        }
        super.init(groups)
    }

    override func tensorNames(_ options: SGDOptions) -> [String] {
        options.momentum == 0 ? [] : ["momentum_buffer"]
    }

    override var countsSteps: Bool { false }

    override func update(
        _ parameter: Tensor, _ gradient: Tensor, _ slot: inout Slot, isFirst: Bool, _ options: SGDOptions
    ) {
        let step = SGDStep(
            learningRate: options.learningRate, momentum: options.momentum, dampening: options.dampening,
            weightDecay: options.weightDecay, isNesterov: options.isNesterov, maximizes: options.maximizes,
            isFirst: isFirst)
        parameter.take(step, gradient: gradient, momentum: options.momentum == 0 ? nil : slot.tensors[0])
    }
}
