import Foundations
public import Tensors

/// Chooses the examples of each batch: in an epoch each example once, in an order that seed and epoch alone decide.
///
/// ```swift
/// let sampler = BatchSampler(count: 1437, batchSize: 64, seed: 1)
/// while sampler.epoch < 20 {
///     while let batch = sampler.next() { train(on: images[batch], labels[batch]) }
/// }
/// ```
///
/// Its ``state`` may be taken after any batch: a sampler that it is loaded into goes on with the next one.
public final class BatchSampler {
    /// Where in the data a training run is.
    public struct State: Equatable, Sendable {
        /// Epochs passed.
        public var epoch: Int
        /// Examples of the epoch that were taken.
        public var position: Int
        /// Which orders.
        public var seed: UInt64
        /// Number of examples.
        public var count: Int
        /// Whether each epoch has an order of its own.
        public var shuffles: Bool

        /// Describes a position.
        public init(epoch: Int = 0, position: Int = 0, seed: UInt64, count: Int, shuffles: Bool) {
            (self.epoch, self.position, self.seed) = (epoch, position, seed)
            (self.count, self.shuffles) = (count, shuffles)
        }
    }

    /// Examples in a batch; the last one of an epoch may have fewer.
    public let batchSize: Int

    /// Whether a last batch with fewer examples is left out.
    public let dropsLast: Bool

    /// What to save.
    public private(set) var state: State

    /// The order of the epoch; `nil` until it is needed.
    private var order: Tensor?

    /// Epochs passed.
    public var epoch: Int { state.epoch }

    /// A sampler of the examples below `count`.
    ///
    /// - Precondition: `batchSize` is positive.
    public init(
        count: Int, batchSize: Int, shuffles: Bool = true, seed: UInt64 = 0, dropsLast: Bool = false
    ) {
        require(count >= 0 && batchSize > 0, "batches of \(batchSize) of \(count) examples")
        self.batchSize = batchSize
        self.dropsLast = dropsLast
        state = State(seed: seed, count: count, shuffles: shuffles)
    }

    /// Batches in an epoch.
    public var batchCount: Int {
        dropsLast ? state.count / batchSize : (state.count + batchSize - 1) / batchSize
    }

    /// The indices of the next batch as int64; `nil` at the end of the epoch, once: then the next epoch begins.
    public func next() -> Tensor? {
        let end = min(state.position + batchSize, state.count)
        guard end > state.position, !dropsLast || end - state.position == batchSize else {
            state.epoch += 1
            state.position = 0
            order = nil
            return nil
        }
        let indices = epochOrder()
        defer { state.position = end }
        return indices[state.position..<end].copied()
    }

    /// Goes on where ``state`` was taken.
    ///
    /// - Throws: ``BatchSamplerError`` when it is of other data; nothing is changed then.
    public func loadState(_ state: State) throws(BatchSamplerError) {
        guard state.count == self.state.count else {
            throw .count(state: state.count, sampler: self.state.count)
        }
        guard state.shuffles == self.state.shuffles else { throw .order(stateShuffles: state.shuffles) }
        guard (0...state.count).contains(state.position), state.epoch >= 0 else {
            throw .position(epoch: state.epoch, position: state.position)
        }
        self.state = state
        order = nil
    }

    /// Blocks of the generator between the orders of two epochs; a permutation takes one for two examples.
    private static let epochBlockCount: UInt64 = 1 << 40

    private func epochOrder() -> Tensor {
        if let order { return order }
        let made: Tensor
        if state.shuffles {
            let generator = RandomGenerator(seed: state.seed)
            generator.state.blockCount = UInt64(state.epoch) &* BatchSampler.epochBlockCount
            made = generator.permutation(state.count)
        } else {
            made = Tensor.arange(0..<state.count)
        }
        order = made
        return made
    }
}

/// A reason why a sampler cannot go on from a state. Nothing was changed.
public enum BatchSamplerError: Error, Equatable {
    /// The number of examples differs.
    case count(state: Int, sampler: Int)
    /// One shuffles and the other does not.
    case order(stateShuffles: Bool)
    /// No place in the data.
    case position(epoch: Int, position: Int)
}

extension BatchSamplerError: CustomStringConvertible {
    /// One line, lower case, with both sides.
    public var description: String {
        switch self {
        case .count(let state, let sampler): "\(state) examples in the state, \(sampler) in the sampler"
        case .order(let stateShuffles):
            stateShuffles
                ? "the state shuffles, the sampler does not" : "the sampler shuffles, the state does not"
        case .position(let epoch, let position): "no example \(position) in epoch \(epoch)"
        }
    }
}
