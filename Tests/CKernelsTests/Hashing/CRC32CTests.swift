import CKernels
import TestSupport
import Testing

@Suite struct CRC32CTests {
    @Test func checkValueOfTheStandard() {
        // RFC 3720, B.4, and the usual check input.
        let digits = Array("123456789".utf8)
        #expect(mr_crc32c(0, digits, digits.count) == 0xE306_9283)
        #expect(mr_crc32c_portable(0, digits, digits.count) == 0xE306_9283)
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(mr_crc32c(0, zeros, zeros.count) == 0x8A91_36AA)
    }

    @Test func instructionsGiveTheChecksumsOfTablesAtEveryLengthAndAlignment() {
        var generator = SeededGenerator(seed: 1)
        let bytes = generator.bytes(60_000)
        bytes.withUnsafeBytes { all in
            for count in Array(0...100) + [255, 256, 767, 768, 769, 8191, 24575, 24576, 24577, 50_000] {
                for offset in 0..<9 {
                    let start = all.baseAddress.map { $0 + offset }
                    #expect(mr_crc32c(0, start, count) == mr_crc32c_portable(0, start, count))
                }
            }
        }
    }

    @Test func continuesFromAnEarlierPart() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let whole = mr_crc32c(0, bytes, bytes.count)
        bytes.withUnsafeBytes { all in
            let first = mr_crc32c(0, all.baseAddress, 33_333)
            #expect(mr_crc32c(first, all.baseAddress.map { $0 + 33_333 }, bytes.count - 33_333) == whole)
        }
    }
}
