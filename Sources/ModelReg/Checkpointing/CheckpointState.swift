public import Checkpoints
public import NN
import OrderedCollections
public import Tensors

/// Something of a training run, beside modules and optimisers, that goes on from a checkpoint: a position in the data, a
/// random generator, anything of one's own.
public protocol CheckpointState: AnyObject {
    /// What to save. Tensors may be references: they are copied at once.
    var checkpointState: Checkpoint { get }

    /// Goes on from what ``checkpointState`` was.
    ///
    /// - Throws: When it is something else; nothing is changed then.
    func restore(_ state: Checkpoint) throws
}

/// A checkpoint, or a part of it, that does not say what a training run needs.
public enum TrainingStateError: Error, Equatable {
    /// There is nothing at this key.
    case missing(String)
    /// What is at this key is something else.
    case unreadable(String)
}

extension TrainingStateError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .missing(let key): "the checkpoint has no \"\(key)\""
        case .unreadable(let key): "\"\(key)\" of the checkpoint is not what a training run saves there"
        }
    }
}

extension BatchSampler: CheckpointState {
    /// `epoch`, `position`, `seed`, `count` and `shuffle`.
    public var checkpointState: Checkpoint {
        var dictionary = CheckpointDictionary()
        dictionary["epoch"] = .integer(Int64(state.epoch))
        dictionary["position"] = .integer(Int64(state.position))
        dictionary["seed"] = .integer(Int64(bitPattern: state.seed))
        dictionary["count"] = .integer(Int64(state.count))
        dictionary["shuffle"] = .boolean(state.shuffles)
        return .dictionary(dictionary)
    }

    /// Goes on from a saved position.
    ///
    /// - Throws: ``TrainingStateError``, ``BatchSamplerError``; nothing is changed then.
    public func restore(_ state: Checkpoint) throws {
        guard case .dictionary(let dictionary) = state, case .boolean(let shuffles)? = dictionary["shuffle"]
        else { throw TrainingStateError.unreadable("data") }
        func integer(_ key: String) throws -> Int64 {
            guard case .integer(let number)? = dictionary[key] else {
                throw TrainingStateError.unreadable("data/\(key)")
            }
            return number
        }
        try loadState(
            State(
                epoch: Int(try integer("epoch")), position: Int(try integer("position")),
                seed: UInt64(bitPattern: try integer("seed")), count: Int(try integer("count")),
                shuffles: shuffles))
    }
}

extension LearningRateScheduler: CheckpointState {
    /// PyTorch's `base_lrs`, `last_epoch`, `_step_count` and `_last_lr`.
    public var checkpointState: Checkpoint {
        var dictionary = CheckpointDictionary()
        dictionary["base_lrs"] = .list(initialRates.map { .number($0) })
        dictionary["last_epoch"] = .integer(Int64(epoch))
        dictionary["_step_count"] = .integer(Int64(epoch + 1))
        dictionary["_last_lr"] = .list(rates.map { .number($0) })
        return .dictionary(dictionary)
    }

    /// Goes on from a saved epoch, also one of PyTorch's schedulers.
    ///
    /// - Throws: ``TrainingStateError``, ``OptimizerStateError``; nothing is changed then.
    public func restore(_ state: Checkpoint) throws {
        guard case .dictionary(let dictionary) = state, case .integer(let epoch)? = dictionary["last_epoch"],
            case .list(let rates)? = dictionary["base_lrs"]
        else { throw TrainingStateError.unreadable("scheduler") }
        let initialRates = try rates.map { rate -> Double in
            switch rate {
            case .number(let number): number
            case .integer(let number): Double(number)
            default: throw TrainingStateError.unreadable("scheduler/base_lrs")
            }
        }
        try loadState(State(epoch: Int(epoch), initialRates: initialRates))
    }
}

extension RandomGenerator: CheckpointState {
    /// Its ``RandomGenerator/stateTensor``.
    public var checkpointState: Checkpoint { .tensor(stateTensor) }

    /// Goes on with the numbers that would have come next.
    ///
    /// - Throws: ``CheckpointTypeError``, ``TensorError``; nothing is changed then.
    public func restore(_ state: Checkpoint) throws { try restore(state.tensor()) }
}
