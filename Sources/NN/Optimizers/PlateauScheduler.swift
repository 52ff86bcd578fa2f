import Foundations

/// Lowers the learning rates where a measure no longer gets better, as `ReduceLROnPlateau`.
public final class PlateauScheduler {
    /// What better is.
    public enum Mode: Sendable {
        /// Less.
        case min
        /// More.
        case max
    }

    /// What `threshold` is.
    public enum ThresholdMode: Sendable {
        /// A share of the best measure.
        case relative
        /// A difference.
        case absolute
    }

    /// What to save of a scheduler.
    public struct State: Equatable, Sendable {
        /// The best measure; `nil` before the first.
        public var best: Double?
        /// Epochs without a better one.
        public var badEpochCount = 0
        /// Epochs that are still not counted after the last change.
        public var cooldownCount = 0
        /// Epochs passed.
        public var epoch = 0

        /// The state at the beginning.
        public init() {}
    }

    /// What to save and restore.
    public var state = State()

    private let optimizer: any Optimizer
    private let mode: Mode
    private let (factor, threshold, minimum, epsilon): (Double, Double, Double, Double)
    private let (patience, cooldown): (Int, Int)
    private let thresholdMode: ThresholdMode

    /// Multiplies the rates by `factor` after more than `patience` epochs without a better measure.
    ///
    /// - Parameters:
    ///   - threshold: What a measure must be better by.
    ///   - cooldown: Epochs after a change that are not counted.
    ///   - minimum: Rates do not fall below it.
    ///   - epsilon: Smaller changes of a rate are left out.
    /// - Precondition: `factor` is less than 1.
    public init(
        _ optimizer: any Optimizer, mode: Mode = .min, factor: Double = 0.1, patience: Int = 10,
        threshold: Double = 1e-4, thresholdMode: ThresholdMode = .relative, cooldown: Int = 0,
        minimum: Double = 0,
        epsilon: Double = 1e-8
    ) {
        require(factor < 1, "a factor of \(factor), which does not lower a rate")
        self.optimizer = optimizer
        self.mode = mode
        (self.factor, self.threshold, self.minimum, self.epsilon) = (factor, threshold, minimum, epsilon)
        (self.patience, self.cooldown) = (patience, cooldown)
        self.thresholdMode = thresholdMode
    }

    /// Passes an epoch with its measure, such as the loss on held-out examples.
    public func step(_ measure: Double) {
        state.epoch += 1
        if isBetter(measure) {
            state.best = measure
            state.badEpochCount = 0
        } else {
            state.badEpochCount += 1
        }
        if state.cooldownCount > 0 {
            state.cooldownCount -= 1
            state.badEpochCount = 0
        }
        guard state.badEpochCount > patience else { return }
        optimizer.learningRates = optimizer.learningRates.map { rate in
            let lower = Swift.max(rate * factor, minimum)
            return rate - lower > epsilon ? lower : rate
        }
        state.cooldownCount = cooldown
        state.badEpochCount = 0
    }

    private func isBetter(_ measure: Double) -> Bool {
        guard let best = state.best else { return !measure.isNaN }
        switch (mode, thresholdMode) {
        case (.min, .relative): return measure < best * (1 - threshold)
        case (.min, .absolute): return measure < best - threshold
        case (.max, .relative): return measure > best * (threshold + 1)
        case (.max, .absolute): return measure > best + threshold
        }
    }
}
