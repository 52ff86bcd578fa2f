/// Sets the learning rates of an optimiser by a schedule, one epoch (or batch) at a time.
public final class LearningRateScheduler {
    /// What to save of a scheduler; the schedule itself is code.
    public struct State: Equatable, Sendable {
        /// Epochs passed: PyTorch's `last_epoch`.
        public var epoch: Int
        /// The rates at epoch 0: PyTorch's `base_lrs`.
        public var initialRates: [Double]

        /// The state after `epoch` epochs.
        public init(epoch: Int, initialRates: [Double]) {
            self.epoch = epoch
            self.initialRates = initialRates
        }
    }

    /// Epochs passed. Setting it sets the rates.
    public var epoch: Int {
        get { state.epoch }
        set {
            state.epoch = newValue
            apply()
        }
    }

    /// The rates at epoch 0.
    public var initialRates: [Double] { state.initialRates }

    /// The rates that the optimiser has now: PyTorch's `_last_lr`.
    public var rates: [Double] { optimizer.learningRates }

    /// What to save.
    public private(set) var state: State

    private let optimizer: any Optimizer
    private let schedule: LearningRateSchedule

    /// Starts at epoch 0 with the optimiser's rates, or continues at `epoch` with `initialRates`.
    public init(
        _ optimizer: any Optimizer, _ schedule: LearningRateSchedule, epoch: Int = 0,
        initialRates: [Double]? = nil
    ) {
        self.optimizer = optimizer
        self.schedule = schedule
        state = State(epoch: epoch, initialRates: initialRates ?? optimizer.learningRates)
        apply()
    }

    /// Passes an epoch.
    public func step() { epoch += 1 }

    /// Goes on where ``state`` was taken. The optimiser's rates stay as they are: they belong to its own state.
    ///
    /// - Throws: ``OptimizerStateError/groupCount(state:optimizer:)``; nothing is changed then.
    public func loadState(_ state: State) throws(OptimizerStateError) {
        let groupCount = optimizer.learningRates.count
        guard state.initialRates.count == groupCount else {
            throw .groupCount(state: state.initialRates.count, optimizer: groupCount)
        }
        self.state = state
    }

    private func apply() {
        optimizer.learningRates = state.initialRates.map { schedule.rate(at: state.epoch, initial: $0) }
    }
}
