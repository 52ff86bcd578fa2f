import Foundations
public import Tensors

/// Averages of a model's parameters over training, as `torch.optim.swa_utils.AveragedModel`.
///
/// Source: Polyak & Juditsky 1992; Izmailov et al. 2018.
public final class AveragedWeights {
    /// How a new model counts.
    public enum Rule: Sendable {
        /// As much as each one before: stochastic weight averaging.
        case mean
        /// The average keeps `decay` of itself: an exponential moving average.
        case exponential(decay: Double)
    }

    /// The averages, under the names of the model's state dict. Buffers are those of the last model.
    public private(set) var stateDict: StateDict

    /// Models that were averaged: PyTorch's `n_averaged`.
    public private(set) var count = 0

    private let rule: Rule
    private let parameterNames: Set<String>

    /// Begins with the model's values.
    public init(_ model: Module, _ rule: Rule) {
        self.rule = rule
        stateDict = model.stateDict().copied()
        parameterNames = Set(model.namedParameters().map(\.name))
    }

    /// Takes the model's present values into the averages. The first time they are the averages.
    public func update(_ model: Module) {
        let values = model.stateDict()
        withoutGradient {
            var seen = IdentitySet()
            for (name, average) in stateDict where seen.insert(average) {
                guard let value = values[name] else { continue }
                guard parameterNames.contains(name), count > 0, value.dtype.isFloatingPoint else {
                    average.copy(from: value)
                    continue
                }
                let share =
                    switch rule {
                    case .mean: 1 / Double(count + 1)
                    case .exponential(let decay): 1 - decay
                    }
                average.copy(from: average + (value - average) * share)
            }
        }
        count += 1
    }

    /// Copies the averages into a model.
    ///
    /// - Throws: ``LoadStateDictError``; nothing is changed then.
    public func copy(to model: Module) throws(LoadStateDictError) { try model.loadStateDict(stateDict) }
}
