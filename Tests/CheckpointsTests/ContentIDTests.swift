import Checkpoints
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
}
