import Checkpoints
import Foundations
import Testing

struct ContentIDTests {
    // FIPS 180-2, appendix B.1.
    private let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    @Test func isTheSHA256OfItsBytes() {
        let id = ContentID(hashing: Array("abc".utf8))
        #expect(id.hex == hex)
        #expect("\(id)" == "sha256:\(hex)")
        #expect(id.short == "ba7816bf8f01")
        #expect(id.bytes.prefix(3) == [0xba, 0x78, 0x16])
    }

    @Test func namesTwoMessagesAsEachAlone() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) }
        // All lengths around the block of 64 bytes and the 9 bytes of padding, with every other.
        let lengths = [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 121, 127, 128, 129, 500, 999]
        bytes.withUnsafeBytes { bytes in
            for first in lengths {
                for second in lengths {
                    // Neither is aligned.
                    let messages = [bytes[..<first], bytes[(1000 - second)...]].map(
                        UnsafeRawBufferPointer.init(rebasing:))
                    let ids = ContentID.pair(hashing: messages[0], messages[1])
                    #expect(ids.0 == ContentID(hashing: messages[0]), "\(first) of \(first), \(second)")
                    #expect(ids.1 == ContentID(hashing: messages[1]), "\(second) of \(first), \(second)")
                }
            }
        }
    }

    @Test func readsWhatItWrites() throws {
        let id = try #require(ContentID(hex: hex))
        #expect(id == ContentID(hashing: Array("abc".utf8)))
        #expect(id.bytes.withUnsafeBytes { ContentID(bytes: $0) } == id)
        #expect(ContentID(hex: hex.uppercased()) == id)
    }

    @Test func refusesWhatIsNoID() {
        for text in [
            "", String(hex.dropLast()), hex + "0", "g" + hex.dropFirst(), "+1" + hex.dropFirst(2),
            "é" + hex.dropFirst(2),
        ] {
            #expect(ContentID(hex: text) == nil, "\(text)")
        }
        #expect([UInt8](repeating: 0, count: 31).withUnsafeBytes { ContentID(bytes: $0) } == nil)
    }

    @Test func differsInEveryByte() {
        let id = ContentID(hashing: [])
        for index in 0..<ContentID.byteCount {
            var bytes = id.bytes
            bytes[index] ^= 1
            #expect(bytes.withUnsafeBytes { ContentID(bytes: $0) } != id)
        }
    }

    /// Ids that a hostile file names may have their first bytes in common: a set of them took n² steps.
    @Test func idsThatBeginAlikeAreSpreadInSets() throws {
        let ids = try (0..<200_000 as Range<UInt32>).map { number in
            var bytes = [UInt8](repeating: 7, count: ContentID.byteCount)
            withUnsafeBytes(of: number) { bytes.replaceSubrange(28..<32, with: $0) }
            return try #require(bytes.withUnsafeBytes { ContentID(bytes: $0) })
        }
        #expect(Set(ids).count == 200_000)
        #expect(Set(ids.prefix(64).map(\.hashValue)).count == 64)
    }
}
