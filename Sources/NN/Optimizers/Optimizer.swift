import Foundations
public import OrderedCollections
public import Tensors

/// Changes parameters in the direction that lowers the loss.
public protocol Optimizer: AnyObject {
    /// The learning rate of each parameter group.
    var learningRates: [Double] { get set }

    /// The parameters of all groups.
    var parameters: [Tensor] { get }

    /// Forgets all gradients, as PyTorch's default does.
    func zeroGrad()

    /// Changes each parameter that has a gradient.
    func step()

    /// The state in PyTorch's layout. Its tensors are the optimiser's own; see ``OptimizerState/copied()``.
    func state() -> OptimizerState

    /// Takes over a state, also one from PyTorch. Tensors are copied.
    ///
    /// - Throws: ``OptimizerStateError``; nothing is changed then.
    func loadState(_ state: OptimizerState) throws(OptimizerStateError)
}

/// The settings of an optimiser that a parameter group may have of its own.
public protocol OptimizerOptions {
    /// The size of a step.
    var learningRate: Double { get set }

    /// By PyTorch's names, in its order.
    var settings: OrderedDictionary<String, OptimizerState.Value> { get }

    /// The settings of a group of a state.
    init(group: OptimizerState.Group, index: Int) throws(OptimizerStateError)
}

/// Parameters that share settings.
public struct ParameterGroup<Options: OptimizerOptions> {
    /// The parameters.
    public let parameters: [Tensor]
    /// Their settings, which may be changed between steps.
    public var options: Options

    /// Parameters with `options`.
    public init(_ parameters: [Tensor], _ options: Options) {
        self.parameters = parameters
        self.options = options
    }
}

/// What the optimisers have in common: groups, state per parameter, saving and loading.
public class GroupedOptimizer<Options: OptimizerOptions>: Optimizer {
    /// The groups; their options may be changed between steps.
    public final var groups: [ParameterGroup<Options>]

    /// The state of one parameter.
    struct Slot {
        var stepCount = 0.0
        /// In the order of ``tensorNames(_:)``.
        var tensors: [Tensor] = []
    }

    /// By position among all parameters; `nil` before the first step.
    final var slots: [Slot?]

    init(_ groups: [ParameterGroup<Options>]) {
        let all = groups.flatMap(\.parameters)
        require(
            Set(all.map(ObjectIdentifier.init)).count == all.count,
            "a parameter is in two groups, or twice in one")
        for parameter in all {
            require(parameter.isLeaf, "cannot train a tensor of shape \(parameter.shape) that is not a leaf")
        }
        self.groups = groups
        slots = [Slot?](repeating: nil, count: all.count)
    }

    /// PyTorch's names of the state tensors of a parameter with these options.
    func tensorNames(_ options: Options) -> [String] { [] }

    /// Whether PyTorch keeps a `step` for each parameter.
    var countsSteps: Bool { true }

    /// Whether a parameter with these options has any state.
    final func hasState(_ options: Options) -> Bool { countsSteps || !tensorNames(options).isEmpty }

    /// Options from a state, as this optimiser has them.
    func adopted(_ options: Options) -> Options { options }

    /// Changes one parameter by its gradient.
    func update(_ parameter: Tensor, _ gradient: Tensor, _ slot: inout Slot, isFirst: Bool, _ options: Options)
    {
        trap("an optimizer without a rule")
    }

    /// The learning rate of each group.
    public final var learningRates: [Double] {
        get { groups.map { $0.options.learningRate } }
        set {
            require(
                newValue.count == groups.count, "\(newValue.count) learning rates for \(groups.count) groups")
            for index in groups.indices { groups[index].options.learningRate = newValue[index] }
        }
    }

    /// The parameters of all groups, in order.
    public final var parameters: [Tensor] { groups.flatMap { $0.parameters } }

    /// Forgets all gradients, as PyTorch's default does.
    public final func zeroGrad() {
        for group in groups {
            for parameter in group.parameters { parameter.grad = nil }
        }
    }

    /// Adds a group; its parameters come after all others.
    public final func addGroup(_ group: ParameterGroup<Options>) {
        groups.append(group)
        slots += [Slot?](repeating: nil, count: group.parameters.count)
    }

    /// Changes each parameter that has a gradient.
    public final func step() {
        withoutGradient {
            var index = 0
            for group in groups {
                let names = tensorNames(group.options)
                for parameter in group.parameters {
                    defer { index += 1 }
                    guard let gradient = parameter.grad else { continue }
                    var slot = slots[index].take() ?? Slot()
                    let isFirst = slot.tensors.isEmpty
                    while slot.tensors.count < names.count {
                        slot.tensors.append(.zeros(parameter.shape, dtype: parameter.dtype))
                    }
                    slot.stepCount += 1
                    update(parameter, gradient, &slot, isFirst: isFirst, group.options)
                    slots[index] = slot
                }
            }
        }
    }

    /// The state in PyTorch's layout.
    public final func state() -> OptimizerState {
        var tensors: OrderedDictionary<Int, StateDict> = [:]
        var stateGroups: [OptimizerState.Group] = []
        var index = 0
        for group in groups {
            let names = tensorNames(group.options)
            let indices = Array(index..<index + group.parameters.count)
            stateGroups.append(.init(settings: group.options.settings, parameters: indices))
            for place in indices {
                guard let slot = slots[place], hasState(group.options) else { continue }
                var entry = StateDict()
                if countsSteps { entry["step"] = GroupedOptimizer.stepTensor(slot.stepCount) }
                for (name, tensor) in zip(names, slot.tensors) { entry[name] = tensor }
                tensors[place] = entry
            }
            index = indices.endIndex + (indices.first ?? index)
        }
        return OptimizerState(tensors: tensors, groups: stateGroups)
    }

    /// Takes over a state.
    ///
    /// - Throws: ``OptimizerStateError``; nothing is changed then.
    public final func loadState(_ state: OptimizerState) throws(OptimizerStateError) {
        guard state.groups.count == groups.count else {
            throw .groupCount(state: state.groups.count, optimizer: groups.count)
        }
        var newSlots: [Slot?] = []
        var newGroups: [ParameterGroup<Options>] = []
        for (groupIndex, (saved, own)) in zip(state.groups, groups).enumerated() {
            guard saved.parameters.count == own.parameters.count else {
                throw .parameterCount(
                    group: groupIndex, state: saved.parameters.count, optimizer: own.parameters.count)
            }
            let options = adopted(try Options(group: saved, index: groupIndex))
            newGroups.append(ParameterGroup(own.parameters, options))
            for (key, parameter) in zip(saved.parameters, own.parameters) {
                newSlots.append(try slot(from: state.tensors[key], for: parameter, key, tensorNames(options)))
            }
        }
        groups = newGroups
        slots = newSlots
    }

    /// A count as PyTorch keeps it, float32, or as float64 where that is not exact: beyond 2^24 steps.
    private static func stepTensor(_ count: Double) -> Tensor {
        Double(Float(count)) == count ? Tensor([Float(count)], shape: []) : Tensor([count], shape: [])
    }

    private func slot(
        from saved: StateDict?, for parameter: Tensor, _ key: Int, _ names: [String]
    ) throws(OptimizerStateError) -> Slot? {
        guard let saved, !saved.isEmpty else { return nil }
        var slot = Slot()
        if countsSteps {
            guard let step = saved["step"] else { throw .missingTensor(parameter: key, name: "step") }
            guard step.elementCount == 1 else {
                throw .shape(parameter: key, name: "step", state: step.shape, optimizer: [])
            }
            slot.stepCount = step.item()
        }
        for name in names {
            guard let tensor = saved[name] else { throw .missingTensor(parameter: key, name: name) }
            guard tensor.shape == parameter.shape else {
                throw .shape(parameter: key, name: name, state: tensor.shape, optimizer: parameter.shape)
            }
            slot.tensors.append(tensor.detach().to(parameter.dtype).copied())
        }
        return slot
    }
}
