import CKernels
import TestSupport
import Testing

@Suite struct SHA256Tests {
    /// The examples that NIST gives for FIPS 180-4, and the hash of nothing.
    private static let examples: [(message: String, hash: String)] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ]

    /// Lengths around those at which a block is full, or has no room left for the number of bits.
    private static let lengths = [
        0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 191, 192, 193, 200,
    ]

    @Test(arguments: SHA256Form.allCases) func examplesOfTheStandard(_ form: SHA256Form) {
        for (message, hash) in Self.examples {
            #expect(Self.hex(form.hash(Array(message.utf8))) == hash, "\(message.prefix(8))…")
        }
    }

    @Test func bothFormsAreEqualAtEveryLengthAndAddress() {
        let bytes = Self.bytes(300, seed: 1)
        for count in 0...bytes.count {
            let expected = SHA256Form.portable.hash(Array(bytes[..<count]))
            for offset in [0, 1, 7] {
                Array(bytes[..<count]).withCopy(misalignedBy: offset) { bytes in
                    #expect(SHA256Form.accelerated.hash(bytes) == expected, "\(count) bytes")
                    var digest = [UInt8](repeating: 0, count: 32)
                    mr_sha256_of(bytes.baseAddress, count, &digest)
                    #expect(digest == expected, "\(count) bytes")
                }
            }
        }
    }

    @Test(arguments: SHA256Form.allCases) func piecesAddUpToTheWhole(_ form: SHA256Form) {
        for count in Self.lengths {
            let bytes = Self.bytes(count, seed: UInt64(count))
            let expected = SHA256Form.portable.hash(bytes)
            for first in 0...count {
                #expect(form.hash(bytes, splitAt: [first]) == expected, "\(first) of \(count) bytes")
            }
            // Three pieces, also empty ones.
            for first in Self.lengths where first <= count {
                for second in Self.lengths where first <= second && second <= count {
                    #expect(
                        form.hash(bytes, splitAt: [first, second]) == expected,
                        "\(first) and \(second) of \(count) bytes")
                }
            }
            #expect(form.hash(bytes, splitAt: Array(0...count)) == expected, "\(count) bytes, one by one")
        }
    }

    @Test func pairsHaveTheHashesOfEach() {
        for firstCount in Self.lengths + [1000] {
            for secondCount in Self.lengths + [1000] {
                let first = Self.bytes(firstCount, seed: 2)
                let second = Self.bytes(secondCount, seed: 3)
                var firstDigest = [UInt8](repeating: 0, count: 32)
                var secondDigest = firstDigest
                mr_sha256_pair(first, firstCount, second, secondCount, &firstDigest, &secondDigest)
                #expect(firstDigest == SHA256Form.portable.hash(first), "\(firstCount), \(secondCount) bytes")
                #expect(secondDigest == SHA256Form.portable.hash(second), "\(firstCount), \(secondCount) bytes")
            }
        }
    }

    private static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return generator.bytes(count)
    }

    private static func hex(_ digest: [UInt8]) -> String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
