import CKernels
import TestSupport
import Testing

@Suite struct RansTests {
    @Test func everyDistributionComesBack() {
        var generator = SeededGenerator(seed: 1)
        for count in [Int](2...40) + [255, 256, 257, 4096, 100_003] {
            for limit in [1, 2, 3, 20, 255] as [UInt8] {
                for rarity in [1, 30, 5000] {
                    var bytes = (0..<count).map { _ in
                        Int.random(in: 0..<rarity, using: &generator) == 0
                            ? UInt8.random(in: 0...limit, using: &generator) : 0
                    }
                    bytes[count / 2] = 77
                    bytes[0] = 0
                    let encoded = encode(bytes)
                    #expect(encoded.count <= mr_rans_bound(count))
                    #expect(decode(encoded, count: count) == bytes)
                    // Not a byte more or less, on either side.
                    #expect(decode(encoded, count: count + 1) == nil)
                    #expect(decode(encoded, count: count - 1) == nil)
                    #expect(decode(encoded + [0, 0], count: count) == nil)
                    #expect(decode(encoded.dropLast(), count: count) == nil)
                }
            }
        }
    }

    @Test func takesAboutItsEntropy() {
        var generator = SeededGenerator(seed: 2)
        let bytes = (0..<100_000).map { _ in generator.next() % 50 == 0 ? UInt8(1) : 0 }
        // 0.1414 bits a byte.
        #expect(abs(encode(bytes).count - 1768) < 100)
    }

    @Test func rareSymbolsKeepAFrequency() {
        // 255 symbols that occur once, beside one that fills 4096 alone.
        let bytes = [UInt8](repeating: 9, count: 1_000_000) + (0...255).map { UInt8($0) }
        #expect(decode(encode(bytes), count: bytes.count) == bytes)
    }

    @Test func aStreamWrittenByHandIsRead() {
        // Symbols 5 and 6 with frequency 2048 each, so 2047 in LEB128; all states but the first as at the end.
        let frequencies: [UInt8] = [1, 5, 0xff, 0x0f, 6, 0xff, 0x0f]
        // The first: 2^15 after symbol 6, so 2048 · (x / 4096) + x mod 4096 - 2048 with x = 16 · 4096 + 2048.
        let states: [UInt8] =
            [0x00, 0x08, 0x01, 0x00] + (0..<7).flatMap { _ in [0x00, 0x80, 0, 0] as [UInt8] }
        #expect(decode(frequencies + states, count: 1) == [6])
    }

    @Test func damagedHeadersAreRefused() {
        let states = (0..<8).flatMap { _ in [0x00, 0x80, 0, 0] as [UInt8] }
        let good: [UInt8] = [1, 5, 0xff, 0x0f, 6, 0xff, 0x0f]
        #expect(decode(good + states, count: 0) == [])
        for bad: [UInt8] in [
            [], [1], [0, 5, 0xff, 0x1f],  // one symbol alone
            [1, 6, 0xff, 0x0f, 5, 0xff, 0x0f],  // descending
            [1, 5, 0xff, 0x0f, 5, 0xff, 0x0f],  // twice the same
            [1, 5, 0xff, 0x0f, 6, 0xfe, 0x0f],  // 4095
            [1, 5, 0xff, 0x0f, 6, 0x80, 0x10],  // 4097
            [1, 5, 0xff, 0xff, 6, 0xff, 0x0f],
        ] {
            #expect(decode(bad + states, count: 0) == nil, "\(bad)")
        }
        // States too low and too high, and too few.
        #expect(decode(good + [0xff, 0x7f, 0, 0] + states.dropFirst(4), count: 0) == nil)
        #expect(decode(good + [0, 0, 0, 0x80] + states.dropFirst(4), count: 0) == nil)
        #expect(decode(good + states.dropLast(), count: 0) == nil)
    }

    private func encode(_ bytes: [UInt8]) -> [UInt8] {
        var counts = [UInt32](repeating: 0, count: 256)
        mr_histogram(bytes, bytes.count, &counts)
        return [UInt8](unsafeUninitializedCapacity: mr_rans_bound(bytes.count)) { target, count in
            count = mr_rans_encode(bytes, bytes.count, counts, target.baseAddress)
        }
    }

    private func decode(_ encoded: some Collection<UInt8>, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let encoded = [UInt8](encoded)
        return mr_rans_decode(encoded, encoded.count, &bytes, count) ? bytes : nil
    }
}
