public import Checkpoints
public import NN
public import OrderedCollections
public import Tensors

/// All that a training run goes on from: made once, saved again and again, and resumed into.
///
/// A checkpoint of it has PyTorch's customary keys, so that it is at home in `torch.load` once it is exported:
///
/// | key | what |
/// |---|---|
/// | `model` | the module's state dict |
/// | `optimizer` | what `optimizer.state_dict()` holds |
/// | `scheduler` | `base_lrs`, `last_epoch`, `_step_count`, `_last_lr` |
/// | `rng` | a uint64 tensor of seed and used blocks for each random generator: `shared`, `model.…`, and one's own |
/// | `data` | the position in the data; of a ``BatchSampler``: `epoch`, `position`, `seed`, `count`, `shuffle` |
/// | `step`, `epoch` | optimiser steps taken, epochs passed |
/// | `metrics` | numbers by name |
///
/// Gradients are not part of it: save between steps. Nor are buffers that are not persistent.
public struct TrainingState {
    /// The network. Generators that its layers draw from, as dropout does, are found by themselves.
    public let model: Module
    /// What trains it.
    public let optimizer: (any Optimizer)?
    /// What sets the optimiser's learning rate.
    public let schedule: LearningRateScheduler?
    /// Random generators beside the module's own and ``RandomGenerator/shared``, by names of one's own.
    public let random: OrderedDictionary<String, RandomGenerator>
    /// The position in the data, such as a ``BatchSampler``.
    public let data: (any CheckpointState)?

    /// A training run of these parts.
    public init(
        _ model: Module, _ optimizer: (any Optimizer)? = nil, schedule: LearningRateScheduler? = nil,
        random: OrderedDictionary<String, RandomGenerator> = [:], data: (any CheckpointState)? = nil
    ) {
        (self.model, self.optimizer, self.schedule) = (model, optimizer, schedule)
        (self.random, self.data) = (random, data)
    }

    /// Where a training run is.
    public struct Progress: Hashable, Sendable {
        /// Optimiser steps taken.
        public var step: Int
        /// Epochs passed; `nil` where nobody counts them.
        public var epoch: Int?
        /// Metrics by name.
        public var metrics: OrderedDictionary<String, Double>

        /// A place in a training run.
        public init(step: Int, epoch: Int? = nil, metrics: OrderedDictionary<String, Double> = [:]) {
            (self.step, self.epoch, self.metrics) = (step, epoch, metrics)
        }
    }

    /// The checkpoint of this moment. Its tensors are references.
    public func checkpoint(at progress: Progress) -> Checkpoint {
        var dictionary = CheckpointDictionary()
        dictionary["model"] = model.checkpoint
        if let optimizer { dictionary["optimizer"] = optimizer.state().checkpoint }
        if let schedule { dictionary["scheduler"] = schedule.checkpointState }
        var rng = CheckpointDictionary()
        for (name, generator) in generators { rng[name] = generator.checkpointState }
        dictionary["rng"] = .dictionary(rng)
        if let data { dictionary["data"] = data.checkpointState }
        dictionary["step"] = .integer(Int64(progress.step))
        if let epoch = progress.epoch { dictionary["epoch"] = .integer(Int64(epoch)) }
        var metrics = CheckpointDictionary()
        for (name, value) in progress.metrics { metrics[name] = .number(value) }
        dictionary["metrics"] = .dictionary(metrics)
        return .dictionary(dictionary)
    }

    /// Takes over everything from a checkpoint.
    ///
    /// All or nothing: where a part does not fit, everything is as it was.
    ///
    /// - Returns: Where the run was.
    /// - Throws: ``TrainingStateError``, ``LoadStateDictError``, ``OptimizerStateError``, ``OptimizerCheckpointError``,
    ///   ``BatchSamplerError``, ``TensorError``, and what ``data`` throws.
    @discardableResult
    public func restore(_ checkpoint: Checkpoint) throws -> Progress {
        guard case .dictionary(let dictionary) = checkpoint else { throw TrainingStateError.missing("model") }
        let progress = try Progress(dictionary)
        func part(_ key: String) throws -> Checkpoint {
            guard let part = dictionary[key] else { throw TrainingStateError.missing(key) }
            return part
        }
        let weights = try StateDict(checkpoint: part("model"))
        var undo: [() -> Void] = []
        func restore(_ state: any CheckpointState, from saved: Checkpoint) throws {
            let before = state.checkpointState
            try state.restore(saved)
            undo.append { try? state.restore(before) }
        }
        do {
            guard case .dictionary(let rng) = try part("rng") else {
                throw TrainingStateError.unreadable("rng")
            }
            for (name, generator) in generators {
                guard let saved = rng[name] else { throw TrainingStateError.missing("rng/\(name)") }
                try restore(generator, from: saved)
            }
            if let data { try restore(data, from: part("data")) }
            if let optimizer {
                let before = optimizer.state().copied()
                try optimizer.loadState(OptimizerState(checkpoint: part("optimizer")))
                undo.append { try? optimizer.loadState(before) }
            }
            if let schedule { try restore(schedule, from: part("scheduler")) }
            // Last, since it is all or nothing by itself: no copy of the weights is needed.
            try model.loadStateDict(weights)
        } catch {
            for undo in undo.reversed() { undo() }
            throw error
        }
        return progress
    }

    /// All random generators, each once, by the names that they are saved under.
    private var generators: [(name: String, generator: RandomGenerator)] {
        var seen: Set<ObjectIdentifier> = []
        let all =
            [("shared", RandomGenerator.shared)] + random.map { ($0.key, $0.value) }
            + model.namedRandomGenerators().map {
                ($0.name.isEmpty ? "model" : "model.\($0.name)", $0.generator)
            }
        return all.filter { seen.insert(ObjectIdentifier($0.1)).inserted }
    }
}

extension TrainingState.Progress {
    /// Reads where a checkpoint was made.
    fileprivate init(_ dictionary: CheckpointDictionary) throws {
        guard case .integer(let step)? = dictionary["step"] else { throw TrainingStateError.missing("step") }
        self.init(step: Int(step))
        if case .integer(let epoch)? = dictionary["epoch"] { self.epoch = Int(epoch) }
        guard case .dictionary(let metrics)? = dictionary["metrics"] else { return }
        for (key, value) in metrics.entries {
            if case .string(let name) = key, case .number(let number) = value { self.metrics[name] = number }
        }
    }
}
