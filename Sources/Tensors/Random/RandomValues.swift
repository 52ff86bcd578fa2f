internal import CKernels
internal import Glibc

// The numbers that follow a state of a generator, written to memory.

extension UnsafeMutableRawBufferPointer {
    /// U[low, high), of float32 or float64.
    func writeUniform(_ dtype: DType, _ state: RandomGenerator.State, from low: Double, to high: Double) {
        if dtype == .float64 {
            let out = bindMemory(to: Double.self)
            RandomUnits(state: state, isWide: true).forPieces(out.count) { start, units in
                for i in units.indices { out[start + i] = low + (high - low) * units[i] }
            }
        } else {
            // Rounding to float32 may reach `high`; the largest number below it is as good.
            let limit = low < high ? Float(high).nextDown : Float(low)
            let out = bindMemory(to: Float.self)
            RandomUnits(state: state, isWide: false).forPieces(out.count) { start, units in
                for i in units.indices {
                    out[start + i] = Swift.min(Float(low + (high - low) * units[i]), limit)
                }
            }
        }
    }

    /// The normal distribution, of float32 or float64: pairs of numbers from pairs of uniform ones (Box & Muller 1958).
    func writeNormal(_ dtype: DType, _ state: RandomGenerator.State, mean: Double, std: Double) {
        if dtype == .float64 {
            bindMemory(to: Double.self).writeNormal(state, isWide: true, mean: mean, std: std)
        } else {
            bindMemory(to: Float.self).writeNormal(state, isWide: false, mean: mean, std: std)
        }
    }
}

extension UnsafeMutableBufferPointer where Element: BinaryFloatingPoint {
    fileprivate func writeNormal(_ state: RandomGenerator.State, isWide: Bool, mean: Double, std: Double) {
        RandomUnits(state: state, isWide: isWide).forPieces((count + 1) / 2 * 2) { start, units in
            for i in stride(from: 0, to: units.count, by: 2) {
                // 1 - u is never 0.
                let radius = (-2 * log(1 - units[i])).squareRoot() * std
                let angle = 2 * Double.pi * units[i + 1]
                self[start + i] = Element(mean + radius * cos(angle))
                if start + i + 1 < count { self[start + i + 1] = Element(mean + radius * sin(angle)) }
            }
        }
    }
}

/// The numbers of U[0, 1) that follow a state.
struct RandomUnits {
    let state: RandomGenerator.State
    /// Whether numbers have 53 random bits, else 24.
    let isWide: Bool

    /// Calls `body` with pieces of the next `count` numbers, and the position of each piece's first number. Pieces have
    /// an even length, the last one aside.
    func forPieces(
        _ count: Int, _ body: (_ start: Int, _ units: UnsafeBufferPointer<Double>) -> Void
    ) {
        // Small enough for the first-level cache, so that memory does not grow with the tensor.
        let piece = 1024
        let width = isWide ? 2 : 1
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
}
