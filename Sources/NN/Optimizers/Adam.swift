public import OrderedCollections
public import Tensors

/// The settings of ``Adam`` and ``AdamW``.
public struct AdamOptions: OptimizerOptions {
    /// The size of a step.
    public var learningRate: Double
    /// How slowly the averages of the gradient and of its square change.
    public var betas: (Double, Double)
    /// Added to the denominator.
    public var epsilon: Double
    /// This share of the parameter is added to its gradient (Adam), or taken from the parameter (AdamW).
    public var weightDecay: Double
    /// Whether the largest average of squares so far is used (Reddi, Kale & Kumar 2018).
    public var usesAMSGrad: Bool
    /// Whether to climb instead.
    public var maximizes: Bool
    /// Whether the decay is taken from the parameter: AdamW.
    public internal(set) var decouplesDecay: Bool

    /// PyTorch's defaults for Adam.
    public init(
        learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        weightDecay: Double = 0, usesAMSGrad: Bool = false, maximizes: Bool = false
    ) {
        (self.learningRate, self.betas, self.epsilon) = (learningRate, betas, epsilon)
        (self.weightDecay, self.usesAMSGrad, self.maximizes) = (weightDecay, usesAMSGrad, maximizes)
        decouplesDecay = false
    }

    /// The settings of a group of a state.
    public init(group: OptimizerState.Group, index: Int) throws(OptimizerStateError) {
        let reader = SettingReader(group: group, index: index)
        self.init(
            learningRate: try reader.number("lr"), betas: try reader.pair("betas"),
            epsilon: try reader.number("eps"), weightDecay: try reader.number("weight_decay"),
            usesAMSGrad: try reader.boolean("amsgrad"), maximizes: try reader.boolean("maximize"))
    }

    /// By PyTorch's names, in its order.
    public var settings: OrderedDictionary<String, OptimizerState.Value> {
        [
            "lr": .number(learningRate), "betas": .numbers([betas.0, betas.1]), "eps": .number(epsilon),
            "weight_decay": .number(weightDecay), "amsgrad": .boolean(usesAMSGrad),
            "maximize": .boolean(maximizes), "foreach": .none, "capturable": .boolean(false),
            "differentiable": .boolean(false), "fused": .none,
            "decoupled_weight_decay": .boolean(decouplesDecay),
        ]
    }
}

/// Adam: steps scaled by running averages of the gradient and of its square.
///
/// Source: Kingma & Ba 2015; same as `torch.optim.Adam`.
public class Adam: GroupedOptimizer<AdamOptions> {
    /// Whether the decay is taken from the parameter.
    class var decouplesDecay: Bool { false }

    /// Trains `parameters`.
    public convenience init(
        _ parameters: [Tensor], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 0, amsgrad: Bool = false, maximize: Bool = false
    ) {
        self.init(groups: [
            .init(
                parameters,
                .init(
                    learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
                    usesAMSGrad: amsgrad, maximizes: maximize))
        ])
    }

    /// Trains groups with settings of their own.
    ///
    /// - Precondition: No parameter is in two groups.
    public init(groups: [ParameterGroup<AdamOptions>]) {
        super.init(
            groups.map { group in
                var options = group.options
                options.decouplesDecay = Self.decouplesDecay
                return ParameterGroup(group.parameters, options)
            })
    }

    override func tensorNames(_ options: AdamOptions) -> [String] {
        options.usesAMSGrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"]
    }

    // AdamW is AdamW, whatever the state it goes on from was written by.
    override func adopted(_ options: AdamOptions) -> AdamOptions {
        var options = options
        options.decouplesDecay = Self.decouplesDecay
        return options
    }

    override func update(
        _ parameter: Tensor, _ gradient: Tensor, _ slot: inout Slot, isFirst: Bool, _ options: AdamOptions
    ) {
        let step = AdamStep(
            learningRate: options.learningRate, beta1: options.betas.0, beta2: options.betas.1,
            epsilon: options.epsilon, weightDecay: options.weightDecay, step: slot.stepCount,
            decouplesDecay: Self.decouplesDecay, maximizes: options.maximizes)
        parameter.take(
            step, gradient: gradient, average: slot.tensors[0], squareAverage: slot.tensors[1],
            maximum: options.usesAMSGrad ? slot.tensors[2] : nil)
    }
}

/// Adam with weight decay taken from the parameter itself, 0.01 unless given.
///
/// Source: Loshchilov & Hutter 2019; same as `torch.optim.AdamW`.
public final class AdamW: Adam {
    override class var decouplesDecay: Bool { true }

    /// Trains `parameters`.
    public convenience init(
        _ parameters: [Tensor], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 1e-2, amsgrad: Bool = false, maximize: Bool = false
    ) {
        self.init(groups: [
            .init(
                parameters,
                .init(
                    learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
                    usesAMSGrad: amsgrad, maximizes: maximize))
        ])
    }

    /// Trains groups with settings of their own.
    public override init(groups: [ParameterGroup<AdamOptions>]) { super.init(groups: groups) }
}
