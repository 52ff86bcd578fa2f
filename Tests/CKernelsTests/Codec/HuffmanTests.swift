#if Zstd
import CKernels
import CZstd
import TestSupport
import Testing

/// Frames that the project's own coder wrote, read by zstd.
@Suite struct HuffmanTests {
    @Test func zstdReadsEveryDistribution() throws {
        var generator = SeededGenerator(seed: 1)
        let block = 128 << 10
        for count in [Int](64...80) + [
            255, 4096, block - 1, block, block + 1, block + 63, block + 64, 2 * block + 777,
        ] {
            for halving in [0.5, 0.7, 0.9, 0.99] {
                for largest in [3, 30, 128] {
                    let bytes = falling(count, by: halving, largest: largest, &generator)
                    guard let frame = encode(bytes) else {
                        // Too few bytes, or too many different ones, for a code to save anything.
                        #expect(count < 256 || halving == 0.99, "\(count) bytes, \(halving), \(largest)")
                        continue
                    }
                    #expect(frame.count <= count + 5)
                    #expect(frame.count <= mr_huffman_bound(count))
                    #expect(try decoded(frame, count: count) == bytes, "\(count) bytes, \(halving), \(largest)")
                }
            }
        }
    }

    @Test func aSampleIsEnough() throws {
        var generator = SeededGenerator(seed: 2)
        // Exponents: the sample misses the smallest, and those of zero.
        var bytes = falling(262_144, by: 0.5, largest: 40, &generator).map { 120 - $0 }
        bytes[200_000] = 0
        bytes[200_001] = 60
        let exact = try #require(encode(bytes))
        for sampleByteCount in [1, 2, 100, 8192, 100_000] {
            let frame = try #require(encode(bytes, counting: bytes[..<sampleByteCount]))
            #expect(try decoded(frame, count: bytes.count) == bytes)
            if sampleByteCount >= 8192 { #expect(Double(frame.count) < 1.02 * Double(exact.count)) }
        }
        // Two bits a byte, by the sum over i of i / 2^i.
        #expect(abs(exact.count - 262_144 / 4) < 400)
    }

    @Test func theLongestCodesAreElevenBits() throws {
        // Fibonacci's numbers make the deepest trees.
        var bytes: [UInt8] = []
        var (count, next) = (1, 1)
        for symbol in 0..<22 as Range<UInt8> {
            bytes += [UInt8](repeating: symbol, count: count)
            (count, next) = (next, count + next)
        }
        var generator = SeededGenerator(seed: 3)
        bytes.shuffle(using: &generator)
        let frame = try #require(encode(bytes))
        #expect(try decoded(frame, count: bytes.count) == bytes)
    }

    @Test func whatItCannotCodeItLeaves() {
        #expect(encode([UInt8](repeating: 7, count: 1000)) == nil)
        // The format's short form of a tree ends at 128.
        #expect(encode((0..<1000).map { $0 % 10 == 0 ? 129 : 1 }) == nil)
        #expect(encode((0..<1000).map { $0 % 10 == 0 ? 128 : 1 }) != nil)
        var generator = SeededGenerator(seed: 4)
        #expect(encode((0..<100_000).map { _ in UInt8.random(in: 0...127, using: &generator) }) != nil)
        #expect(encode((0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }) == nil)
    }

    /// Bytes of which each value is rarer than the one before by a factor.
    private func falling(
        _ count: Int, by factor: Double, largest: Int, _ generator: inout SeededGenerator
    ) -> [UInt8] {
        (0..<count).map { _ in
            var value = 0
            while value < largest, Double.random(in: 0..<1, using: &generator) < factor { value += 1 }
            return UInt8(value)
        }
    }

    private func encode(_ bytes: [UInt8], counting sample: ArraySlice<UInt8>? = nil) -> [UInt8]? {
        let codes = mr_huffman_codes_make()
        defer { mr_huffman_codes_free(codes) }
        let sample = sample ?? bytes[...]
        var counts = [UInt32](repeating: 0, count: 256)
        for byte in sample { counts[Int(byte)] += 1 }
        // What lies behind the bound must stay.
        let bound = mr_huffman_bound(bytes.count)
        var target = [UInt8](repeating: 0xee, count: bound + 16)
        let count = mr_huffman_encode(codes, bytes, bytes.count, counts, sample.count, &target)
        #expect(target[bound...].allSatisfy { $0 == 0xee })
        return count > 0 ? [UInt8](target[..<count]) : nil
    }

    /// Reads a frame, with the magic number that zstd wants before it.
    private func decoded(_ frame: [UInt8], count: Int) throws -> [UInt8] {
        let whole = [0x28, 0xb5, 0x2f, 0xfd] + frame
        var bytes = [UInt8](repeating: 0, count: count)
        let decodedCount = ZSTD_decompress(&bytes, count, whole, whole.count)
        try #require(ZSTD_isError(decodedCount) == 0, "\(String(cString: ZSTD_getErrorName(decodedCount)))")
        #expect(decodedCount == count)
        return bytes
    }
}
#endif
