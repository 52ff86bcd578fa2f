import Tensors
import Testing

struct RandomGeneratorTests {
    /// Salmon et al.'s known answer for counter 0 and key 0 begins 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
    @Test func wordsAreThoseOfThePublishedGenerator() {
        let first = RandomGenerator(seed: 0).uniform([4]).scalars(as: Float.self)
        let words: [UInt32] = [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        #expect(first == words.map { Float($0 >> 8) * 0x1p-24 })
    }

    @Test func restoredStateGoesOn() throws {
        let generator = RandomGenerator(seed: 9)
        _ = generator.normal([5])
        let state = generator.stateTensor
        let next = generator.uniform([7])
        let other = RandomGenerator(seed: 0)
        try other.restore(state)
        #expect(other.uniform([7]).isIdentical(to: next))
        #expect(throws: TensorError.self) { try other.restore(.zeros([2])) }
    }

    @Test func distributionsHaveTheirMoments() {
        let generator = RandomGenerator(seed: 1)
        let normal = generator.normal([100_000], mean: 2, std: 3)
        // 5 standard errors.
        #expect(abs(normal.mean().item() - 2) < 0.05 && abs(normal.standardDeviation().item() - 3) < 0.04)
        let uniform = generator.uniform([100_000], from: -1, to: 3, dtype: .float64)
        #expect(abs(uniform.mean().item() - 1) < 0.02 && uniform.min() >= -1 && uniform.max() < 3)
        let integers = generator.integers(in: -2..<5, [70_000]).scalars(as: Int64.self)
        for value in Int64(-2)..<5 { #expect(abs(integers.count { $0 == value } - 10_000) < 500) }
        #expect(generator.permutation(100).scalars(as: Int64.self).sorted() == (0..<100).map { $0 })
    }
}
