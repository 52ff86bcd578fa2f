import CKernels
import TestSupport
import Testing

@Suite struct StatisticsTests {
    @Test func histogramCountsEveryByte() {
        var generator = SeededGenerator(seed: 1)
        for count in [Int](0...40) + [1000, 8192, 8193, 100_000] {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var expected = [UInt32](repeating: 0, count: 256)
            for byte in bytes { expected[Int(byte)] += 1 }
            var counts = [UInt32](repeating: 1, count: 256)
            mr_histogram(bytes, count, &counts)
            #expect(counts == expected)
            let sampledCount = mr_sampled_histogram(bytes, count, &counts)
            #expect(sampledCount == min(count, 8192))
            #expect(counts.reduce(0, +) == UInt32(sampledCount))
        }
    }

    @Test func entropyOfSimpleDistributions() {
        var counts = [UInt32](repeating: 0, count: 256)
        #expect(mr_entropy(counts, 0) == 0)
        counts[7] = 100
        #expect(mr_entropy(counts, 100) == 0)
        #expect(mr_collision_probability(counts, 100) == 1)
        counts[8] = 100
        // 0.001: the logarithm is a polynomial.
        #expect(abs(mr_entropy(counts, 200) - 1) < 0.001)
        counts = [UInt32](repeating: 12_345, count: 256)
        #expect(abs(mr_entropy(counts, 12_345 * 256) - 8) < 0.001)
        #expect(abs(mr_collision_probability(counts, 12_345 * 256) - 1.0 / 256) < 1e-12)
    }

    @Test func equalNeighboursAtEveryLevel() {
        var generator = SeededGenerator(seed: 2)
        for count in [Int](0...100) + [8160, 8161, 8192, 20_000] {
            let noise = (0..<count).map { _ in UInt8.random(in: 0...2, using: &generator) }
            for bytes in [noise, [UInt8](repeating: 9, count: count)] {
                let expected = zip(bytes, bytes.dropFirst()).count { $0 == $1 }
                for level in allLevels { #expect(mr_equal_neighbours(level, bytes, count) == expected) }
            }
        }
    }
}
