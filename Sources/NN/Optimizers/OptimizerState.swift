public import OrderedCollections
public import Tensors

/// An optimiser's state in PyTorch's layout: what `optimizer.state_dict()` holds.
public struct OptimizerState {
    /// A setting.
    public enum Value: Equatable, Sendable {
        /// Python's `None`.
        case none
        /// True or false.
        case boolean(Bool)
        /// A whole number.
        case integer(Int)
        /// A floating-point number.
        case number(Double)
        /// A tuple of numbers, such as `betas`.
        case numbers([Double])
    }

    /// A group of parameters with the same settings.
    public struct Group {
        /// By PyTorch's names: `lr`, `momentum`, `betas`, …
        public var settings: OrderedDictionary<String, Value>
        /// Keys of ``OptimizerState/tensors``, one for each parameter in order.
        public var parameters: [Int]

        /// A group of `parameters`.
        public init(settings: OrderedDictionary<String, Value>, parameters: [Int]) {
            self.settings = settings
            self.parameters = parameters
        }
    }

    /// For each parameter that took a step, its state by PyTorch's names: `step`, `exp_avg`, `momentum_buffer`, …
    public var tensors: OrderedDictionary<Int, StateDict>

    /// The groups, in order.
    public var groups: [Group]

    /// The state of the parameters in `groups`.
    public init(tensors: OrderedDictionary<Int, StateDict>, groups: [Group]) {
        self.tensors = tensors
        self.groups = groups
    }

    /// A state with storage of its own, which further steps do not change.
    public func copied() -> OptimizerState {
        OptimizerState(tensors: tensors.mapValues { $0.copied() }, groups: groups)
    }
}

/// A reason why a state cannot be loaded into an optimiser. Nothing was changed.
public enum OptimizerStateError: Error, Equatable {
    /// The number of groups differs.
    case groupCount(state: Int, optimizer: Int)
    /// The number of parameters of a group differs.
    case parameterCount(group: Int, state: Int, optimizer: Int)
    /// A setting is missing.
    case missingSetting(group: Int, name: String)
    /// A setting is of another kind.
    case setting(group: Int, name: String, value: OptimizerState.Value)
    /// A parameter's state lacks a tensor.
    case missingTensor(parameter: Int, name: String)
    /// A state tensor has another shape than its parameter.
    case shape(parameter: Int, name: String, state: [Int], optimizer: [Int])
}

extension OptimizerStateError: CustomStringConvertible {
    /// One line, lower case, with both sides.
    public var description: String {
        switch self {
        case .groupCount(let state, let optimizer):
            "\(state) parameter groups in the state, \(optimizer) in the optimizer"
        case .parameterCount(let group, let state, let optimizer):
            "group \(group) has \(state) parameters in the state, \(optimizer) in the optimizer"
        case .missingSetting(let group, let name): "group \(group) has no \"\(name)\" in the state"
        case .setting(let group, let name, let value): "\"\(name)\" of group \(group) cannot be \(value)"
        case .missingTensor(let parameter, let name): "the state of parameter \(parameter) has no \"\(name)\""
        case .shape(let parameter, let name, let state, let optimizer):
            "shape of \"\(name)\" of parameter \(parameter): \(state) in the state, \(optimizer) in the optimizer"
        }
    }
}

/// Reads settings of a group, with errors that name what is wrong.
struct SettingReader {
    let group: OptimizerState.Group
    let index: Int

    private func value(_ name: String) throws(OptimizerStateError) -> OptimizerState.Value {
        guard let value = group.settings[name] else { throw .missingSetting(group: index, name: name) }
        return value
    }

    func number(_ name: String) throws(OptimizerStateError) -> Double {
        switch try value(name) {
        case .number(let number): number
        case .integer(let integer): Double(integer)
        case let other: throw .setting(group: index, name: name, value: other)
        }
    }

    func boolean(_ name: String) throws(OptimizerStateError) -> Bool {
        switch try value(name) {
        case .boolean(let boolean): boolean
        case .none: false
        case let other: throw .setting(group: index, name: name, value: other)
        }
    }

    func pair(_ name: String) throws(OptimizerStateError) -> (Double, Double) {
        let found = try value(name)
        guard case .numbers(let numbers) = found, numbers.count == 2 else {
            throw .setting(group: index, name: name, value: found)
        }
        return (numbers[0], numbers[1])
    }
}
