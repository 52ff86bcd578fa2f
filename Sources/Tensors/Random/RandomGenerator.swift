internal import CKernels
import Foundations
internal import Synchronization

/// A seeded source of random numbers: the same seed gives the same numbers on every machine.
///
/// Philox 4×32-10 (Salmon et al. 2011), a counter-based generator: block i of four 32-bit words is a function of the
/// seed and i alone. Each call starts with a fresh block. Uniform float32 use the upper 24 bits of a word, float64
/// 53 bits of two words; normal numbers come in pairs from two uniform ones (Box & Muller 1958). The numbers are not
/// PyTorch's.
///
/// Safe to share between threads; each call takes its blocks at once.
public final class RandomGenerator: Sendable {
    /// All there is to a generator: restore it and the numbers go on where they were.
    public struct State: Sendable, Equatable, Codable {
        /// Which sequence.
        public var seed: UInt64
        /// Blocks of four words that were used.
        public var blockCount: UInt64

        /// The state after `blockCount` blocks of the sequence `seed`.
        public init(seed: UInt64, blockCount: UInt64 = 0) {
            self.seed = seed
            self.blockCount = blockCount
        }
    }

    private let current: Mutex<State>

    /// A generator at the beginning of sequence `seed`.
    public init(seed: UInt64) { current = Mutex(State(seed: seed)) }

    /// The generator used where none is given. Starts with seed 0; see ``manualSeed(_:)``.
    public static let shared = RandomGenerator(seed: 0)

    /// What to save and restore.
    public var state: State {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// ``state`` as a tensor, to be saved in a checkpoint: uint64 seed and block count.
    public var stateTensor: Tensor {
        let state = state
        return Tensor([state.seed, state.blockCount])
    }

    /// Restores what ``stateTensor`` returned.
    ///
    /// - Throws: ``TensorError`` when it is not two numbers of type uint64.
    public func restore(_ tensor: Tensor) throws(TensorError) {
        guard tensor.dtype == .uint64, tensor.shape == [2] else {
            throw .byteCount(dtype: .uint64, shape: [2], needs: 16, has: tensor.byteCount)
        }
        let values: [UInt64] = tensor.scalars()
        state = State(seed: values[0], blockCount: values[1])
    }

    /// Takes the blocks for `count` words, and returns the state they begin with.
    private func take(_ count: Int) -> State {
        current.withLock { state in
            defer { state.blockCount &+= UInt64((count + 3) / 4) }
            return state
        }
    }

    /// The next `count` words.
    private func words(_ count: Int) -> [UInt32] {
        let start = take(count)
        return [UInt32](unsafeUninitializedCapacity: count) { buffer, filled in
            if let base = buffer.baseAddress { mr_philox(start.seed, start.blockCount, count, base) }
            filled = count
        }
    }

    /// Words that one number takes.
    private static func wordCount(_ dtype: DType) -> Int { dtype == .float64 ? 2 : 1 }

    /// A tensor of U[low, high).
    public func uniform(_ shape: [Int], from low: Double = 0, to high: Double = 1, dtype: DType = .float32)
        -> Tensor
    {
        drawn(shape, dtype) { count, type in
            let state = take(count * Self.wordCount(type))
            return { $0.writeUniform(type, state, from: low, to: high) }
        }
    }

    /// A tensor of the normal distribution.
    public func normal(_ shape: [Int], mean: Double = 0, std: Double = 1, dtype: DType = .float32) -> Tensor {
        drawn(shape, dtype) { count, type in
            let state = take((count + 1) / 2 * 2 * Self.wordCount(type))
            return { $0.writeNormal(type, state, mean: mean, std: std) }
        }
    }

    private func drawn(
        _ shape: [Int], _ dtype: DType,
        _ take: (_ count: Int, _ type: DType) -> (UnsafeMutableRawBufferPointer) -> Void
    ) -> Tensor {
        let type: DType = dtype == .float64 ? .float64 : .float32
        let result = Tensor(uninitialized: shape, dtype: type)
        result.storage.withUnsafeMutableBytes(take(result.elementCount, type))
        return result.to(dtype)
    }

    /// Writes U[low, high) into a tensor that takes no memory yet, once it is needed. The numbers are taken now.
    ///
    /// - Returns: Whether it did; else nothing was taken.
    package func deferUniform(_ tensor: Tensor, from low: Double, to high: Double) -> Bool {
        let type = tensor.dtype
        guard type == .float32 || type == .float64, tensor.isWholeDeferredStorage else { return false }
        let state = take(tensor.elementCount * Self.wordCount(type))
        tensor.storage.version &+= 1
        tensor.storage.deferFill(replacingAll: true) { $0.writeUniform(type, state, from: low, to: high) }
        return true
    }

    /// Writes the normal distribution into a tensor that takes no memory yet, once it is needed. The numbers are taken
    /// now.
    ///
    /// - Returns: Whether it did; else nothing was taken.
    package func deferNormal(_ tensor: Tensor, mean: Double, std: Double) -> Bool {
        let type = tensor.dtype
        guard type == .float32 || type == .float64, tensor.isWholeDeferredStorage else { return false }
        let state = take((tensor.elementCount + 1) / 2 * 2 * Self.wordCount(type))
        tensor.storage.version &+= 1
        tensor.storage.deferFill(replacingAll: true) { $0.writeNormal(type, state, mean: mean, std: std) }
        return true
    }

    /// A tensor of whole numbers of `range`, each as likely.
    public func integers(in range: Range<Int>, _ shape: [Int], dtype: DType = .int64) -> Tensor {
        require(!range.isEmpty, "random integers of an empty range")
        let words = words(2 * shape.reduce(1, *))
        let values = stride(from: 0, to: words.count, by: 2).map { i in
            // Lemire 2019 without rejection: the bias is below range / 2^64.
            let word = UInt64(words[i]) << 32 | UInt64(words[i + 1])
            return Int64(range.lowerBound) + Int64(word.multipliedFullWidth(by: UInt64(range.count)).high)
        }
        return Tensor(values, shape: shape).to(dtype)
    }

    /// The numbers below `count` in random order, as int64 (Fisher & Yates).
    public func permutation(_ count: Int) -> Tensor {
        var values = (0..<Int64(count)).map { $0 }
        let words = words(2 * count)
        for i in stride(from: count - 1, to: 0, by: -1) {
            let word = UInt64(words[2 * i]) << 32 | UInt64(words[2 * i + 1])
            values.swapAt(i, Int(word.multipliedFullWidth(by: UInt64(i + 1)).high))
        }
        return Tensor(values)
    }

    /// A mask that holds with probability `probability`.
    public func bernoulli(_ shape: [Int], probability: Double) -> Tensor {
        uniform(shape) .< probability
    }
}

/// Lets ``RandomGenerator/shared`` begin sequence `seed`, as `torch.manual_seed`.
public func manualSeed(_ seed: UInt64) { RandomGenerator.shared.state = .init(seed: seed) }

extension Tensor {
    /// A tensor of U[0, 1).
    public static func rand(_ shape: [Int], dtype: DType = .float32, generator: RandomGenerator = .shared)
        -> Tensor
    {
        generator.uniform(shape, dtype: dtype)
    }

    /// A tensor of the standard normal distribution.
    public static func randn(_ shape: [Int], dtype: DType = .float32, generator: RandomGenerator = .shared)
        -> Tensor
    {
        generator.normal(shape, dtype: dtype)
    }

    /// A tensor of whole numbers of `range`, as int64.
    public static func randint(_ range: Range<Int>, _ shape: [Int], generator: RandomGenerator = .shared)
        -> Tensor
    {
        generator.integers(in: range, shape)
    }
}
