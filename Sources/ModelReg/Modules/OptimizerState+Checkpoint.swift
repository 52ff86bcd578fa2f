public import Checkpoints
public import NN
import OrderedCollections
import Tensors

extension OptimizerState: CheckpointConvertible {
    /// What PyTorch's `optimizer.state_dict()` holds: `state` by parameter number, and `param_groups`.
    public var checkpoint: Checkpoint {
        var state = CheckpointDictionary()
        for (index, tensors) in tensors {
            var dictionary = CheckpointDictionary()
            for (name, tensor) in tensors { dictionary[name] = .tensor(tensor) }
            state.entries[.integer(Int64(index))] = .dictionary(dictionary)
        }
        let groups = groups.map { group in
            var dictionary = CheckpointDictionary()
            for (name, value) in group.settings { dictionary[name] = value.checkpoint }
            dictionary["params"] = .list(group.parameters.map { .integer(Int64($0)) })
            return Checkpoint.dictionary(dictionary)
        }
        var top = CheckpointDictionary()
        top["state"] = .dictionary(state)
        top["param_groups"] = .list(groups)
        return .dictionary(top)
    }

    /// Reads what PyTorch or this library saved.
    ///
    /// - Throws: ``OptimizerCheckpointError`` that names what is of another kind.
    public init(checkpoint: Checkpoint) throws {
        guard case .dictionary(let top) = checkpoint, case .dictionary(let state)? = top["state"],
            case .list(let groups)? = top["param_groups"]
        else { throw OptimizerCheckpointError.notAnOptimizerState }
        self.init(tensors: try OptimizerState.tensors(state), groups: try groups.enumerated().map(Group.init))
    }

    private static func tensors(_ state: CheckpointDictionary) throws -> OrderedDictionary<Int, StateDict> {
        var tensors: OrderedDictionary<Int, StateDict> = [:]
        for (key, value) in state.entries {
            guard case .integer(let index) = key, case .dictionary(let entries) = value else {
                throw OptimizerCheckpointError.unreadable(path: "state/\(key)")
            }
            var named = StateDict()
            for (name, value) in entries.entries {
                switch (name, value) {
                case (.string(let name), .tensor(let tensor, _)): named[name] = tensor
                // `momentum_buffer` is None until the first step that needs it.
                case (.string, .none): continue
                default: throw OptimizerCheckpointError.unreadable(path: "state/\(key)/\(name)")
                }
            }
            tensors[Int(index)] = named
        }
        return tensors
    }
}

extension OptimizerState.Group {
    fileprivate init(_ index: Int, _ checkpoint: Checkpoint) throws {
        let path = "param_groups/\(index)"
        guard case .dictionary(let dictionary) = checkpoint, case .list(let numbers)? = dictionary["params"]
        else {
            throw OptimizerCheckpointError.unreadable(path: path)
        }
        var settings: OrderedDictionary<String, OptimizerState.Value> = [:]
        for (key, value) in dictionary.entries where key != .string("params") {
            guard case .string(let name) = key, let setting = OptimizerState.Value(value) else {
                throw OptimizerCheckpointError.unreadable(path: "\(path)/\(key)")
            }
            settings[name] = setting
        }
        let parameters = try numbers.map { number in
            guard case .integer(let number) = number else {
                throw OptimizerCheckpointError.unreadable(path: "\(path)/params")
            }
            return Int(number)
        }
        self.init(settings: settings, parameters: parameters)
    }
}

extension OptimizerState.Value {
    fileprivate var checkpoint: Checkpoint {
        switch self {
        case .none: .none
        case .boolean(let flag): .boolean(flag)
        case .integer(let number): .integer(Int64(number))
        case .number(let number): .number(number)
        case .numbers(let numbers): .tuple(numbers.map { .number($0) })
        }
    }

    fileprivate init?(_ checkpoint: Checkpoint) {
        switch checkpoint {
        case .none: self = .none
        case .boolean(let flag): self = .boolean(flag)
        case .integer(let number): self = .integer(Int(number))
        case .number(let number): self = .number(number)
        case .tuple(let items), .list(let items):
            let numbers = items.compactMap { item -> Double? in
                switch item {
                case .number(let number): number
                case .integer(let number): Double(number)
                default: nil
                }
            }
            guard numbers.count == items.count else { return nil }
            self = .numbers(numbers)
        default: return nil
        }
    }
}

/// A checkpoint that is not the state of an optimiser.
public enum OptimizerCheckpointError: Error, Equatable {
    /// There is no `state` with `param_groups` beside it.
    case notAnOptimizerState
    /// A value of another kind than optimisers have.
    case unreadable(path: String)
}

extension OptimizerCheckpointError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .notAnOptimizerState: "checkpoint is no optimizer state: it has no \"state\" and \"param_groups\""
        case .unreadable(let path): "\"\(path)\" is of a kind that no optimizer state has"
        }
    }
}
