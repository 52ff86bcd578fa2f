internal import CKernels
import Foundations
internal import Glibc
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

    /// Calls `body` with pieces of the next `count` numbers of U[0, 1), which have 53 random bits if `isWide`, else 24,
    /// and the position of each piece's first number. Pieces have an even length, the last one aside.
    private func forUnits(
        _ count: Int, isWide: Bool, _ body: (_ start: Int, _ units: UnsafeBufferPointer<Double>) -> Void
    ) {
        // Small enough for the first-level cache, so that memory does not grow with the tensor.
        let piece = 1024
        let width = isWide ? 2 : 1
        let state = take(count * width)
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: piece * width) { words in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: piece) { units in
                guard let base = words.baseAddress else { return }
                for start in stride(from: 0, to: count, by: piece) {
                    let length = Swift.min(piece, count - start)
                    mr_philox(state.seed, state.blockCount &+ UInt64(start * width / 4), length * width, base)
                    for i in 0..<length {
                        units[i] =
                            isWide
                            ? Double((UInt64(words[2 * i]) << 32 | UInt64(words[2 * i + 1])) >> 11) * 0x1p-53
                            : Double(words[i] >> 8) * 0x1p-24
                    }
                    body(start, UnsafeBufferPointer(rebasing: UnsafeBufferPointer(units)[..<length]))
                }
            }
        }
    }

    /// A tensor of U[low, high).
    public func uniform(_ shape: [Int], from low: Double = 0, to high: Double = 1, dtype: DType = .float32)
        -> Tensor
    {
        let type: DType = dtype == .float64 ? .float64 : .float32
        let result = Tensor(uninitialized: shape, dtype: type)
        if type == .float64 {
            let out = result.pointer(Double.self)
            forUnits(result.elementCount, isWide: true) { start, units in
                for i in units.indices { out[start + i] = low + (high - low) * units[i] }
            }
        } else {
            // Rounding to float32 may reach `high`; the largest number below it is as good.
            let limit = low < high ? Float(high).nextDown : Float(low)
            let out = result.pointer(Float.self)
            forUnits(result.elementCount, isWide: false) { start, units in
                for i in units.indices {
                    out[start + i] = Swift.min(Float(low + (high - low) * units[i]), limit)
                }
            }
        }
        withExtendedLifetime(result) {}
        return result.to(dtype)
    }

    /// A tensor of the normal distribution.
    public func normal(_ shape: [Int], mean: Double = 0, std: Double = 1, dtype: DType = .float32) -> Tensor {
        let type: DType = dtype == .float64 ? .float64 : .float32
        let result = Tensor(uninitialized: shape, dtype: type)
        let count = result.elementCount
        let isWide = type == .float64
        forUnits((count + 1) / 2 * 2, isWide: isWide) { start, units in
            for i in stride(from: 0, to: units.count, by: 2) {
                // 1 - u is never 0.
                let radius = (-2 * log(1 - units[i])).squareRoot() * std
                let angle = 2 * Double.pi * units[i + 1]
                let pair = (mean + radius * cos(angle), mean + radius * sin(angle))
                if isWide {
                    result.pointer(Double.self)[start + i] = pair.0
                    if start + i + 1 < count { result.pointer(Double.self)[start + i + 1] = pair.1 }
                } else {
                    result.pointer(Float.self)[start + i] = Float(pair.0)
                    if start + i + 1 < count { result.pointer(Float.self)[start + i + 1] = Float(pair.1) }
                }
            }
        }
        withExtendedLifetime(result) {}
        return result.to(dtype)
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
