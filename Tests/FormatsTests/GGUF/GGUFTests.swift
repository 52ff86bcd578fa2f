import Checkpoints
import Formats
import Foundation
import Foundations
import OrderedCollections
import Tensors
import Testing

struct GGUFTests {
    @Test func factsOfEveryTypeAreJSON() throws {
        let read = try read(
            GGUF.file(facts: [
                GGUF.fact("a", 0, [255]), GGUF.fact("b", 1, [255]), GGUF.fact("c", 2, [255, 255]),
                GGUF.fact("d", 3, [255, 255]),
                GGUF.fact("e", 4, [255, 255, 255, 255]), GGUF.fact("f", 5, [255, 255, 255, 255]),
                GGUF.fact("g", 6, bytes(of: Float(0.1).bitPattern)), GGUF.fact("h", 7, [1]),
                GGUF.fact("i", 8, GGUF.text("é\"")),
                // An array of two arrays of booleans.
                GGUF.fact(
                    "j", 9,
                    bytes(of: UInt32(9)) + bytes(of: UInt64(2)) + bytes(of: UInt32(7)) + bytes(of: UInt64(1))
                        + [0]
                        + bytes(of: UInt32(7)) + bytes(of: UInt64(0))),
                GGUF.fact("k", 10, bytes(of: UInt64.max)), GGUF.fact("l", 11, bytes(of: Int64.min)),
                GGUF.fact("m", 12, bytes(of: (0.1).bitPattern)),
                GGUF.fact("n", 12, bytes(of: Double.infinity.bitPattern)),
            ]))
        #expect(
            read.facts.map { "\($0.key)=\($0.value)" } == [
                "a=255", "b=-1", "c=65535", "d=-1", "e=4294967295", "f=-1", "g=0.1", "h=true", "i=\"é\\\"\"",
                "j=[[false],[]]", "k=18446744073709551615", "l=-9223372036854775808", "m=0.1", "n=\"inf\"",
            ])
    }

    @Test func metadataIsWhatTheLibraryReads() throws {
        let read = try CheckpointFile.read(path: Examples.path("quantised.gguf"))
        let json = read.facts.map { "\(JSONText.quoted($0.key)):\($0.value)" }.joined(separator: ",")
        let found = try JSONSerialization.jsonObject(with: Data("{\(json)}".utf8)) as? NSDictionary
        let expected = try JSONSerialization.jsonObject(with: Data(Examples.bytes("expected.json")))
        let files = (expected as? NSDictionary)?["files"] as? NSDictionary
        #expect(found == (files?["quantised.gguf"] as? NSDictionary)?["facts"] as? NSDictionary)
        #expect(found?.count == 16)
    }

    @Test func longArraysAndTextsAreDescribed() throws {
        let tokens = (0..<1000).flatMap { GGUF.text("token \($0)") }
        let read = try read(
            GGUF.file(facts: [
                GGUF.fact("tokens", 9, bytes(of: UInt32(8)) + bytes(of: UInt64(1000)) + tokens),
                GGUF.fact("text", 8, GGUF.text(String(repeating: "x", count: 100_000))),
            ]))
        #expect(read.facts["tokens"] == "{\"type\":\"string\",\"count\":1000}")
        #expect(read.facts["text"] == "{\"type\":\"string\",\"byte_count\":100000}")
    }

    @Test func tensorsAreViewsOfTheFile() throws {
        var data = [UInt8](0..<34) + [UInt8](repeating: 0, count: 30)
        for number in [1.5, 2] as [Float] { data += bytes(of: number.bitPattern) }
        let read = try read(
            GGUF.file(
                infos: [
                    GGUF.info("plain", [1, 2], 0, offset: 64), GGUF.info("blocks", [32, 1], 8, offset: 0),
                ],
                data: data))
        guard case .dictionary(let dictionary) = read.checkpoint,
            case .tensor(let plain, _)? = dictionary["plain"],
            case .tensor(let blocks, _)? = dictionary["blocks"]
        else {
            Issue.record("no tensors")
            return
        }
        #expect(plain.shape == [2, 1] && plain.scalars(as: Float.self) == [1.5, 2])
        #expect(blocks.shape == [1, 34] && blocks.dtype == .uint8 && blocks.bytes == Array(0..<34))
        #expect(read.facts == ["gguf.block_types": "{\"blocks\":\"Q8_0\"}"])
        #expect(read.storages.map(\.range.count) == [34, 8])
    }

    // Files with types that llama.cpp added later were refused: bytes can be kept without knowing what they are.
    @Test func unknownTypesAreBytesUpToTheNextTensor() throws {
        let data = [UInt8](0..<72) + [UInt8](repeating: 0, count: 24) + [7, 8, 9]
        let read = try read(
            GGUF.file(
                infos: [
                    GGUF.info("last", [6], 99, offset: 96), GGUF.info("first", [64, 2], 40, offset: 0),
                    GGUF.info("none", [0], 41, offset: 0),
                ], data: data))
        guard case .dictionary(let dictionary) = read.checkpoint,
            case .tensor(let first, _)? = dictionary["first"], case .tensor(let last, _)? = dictionary["last"],
            case .tensor(let none, _)? = dictionary["none"]
        else {
            Issue.record("no tensors")
            return
        }
        #expect(first.dtype == .uint8 && first.shape == [96] && first.bytes == Array(data[..<96]))
        #expect(last.shape == [3] && last.bytes == [7, 8, 9] && none.shape == [0])
        #expect(
            read.facts == [
                "gguf.unknown_types": "{\"last\":{\"type\":99,\"shape\":[6]},"
                    + "\"first\":{\"type\":40,\"shape\":[64,2]},\"none\":{\"type\":41,\"shape\":[0]}}"
            ])
        #expect(read.storages.map(\.range.count) == [96, 3])
    }

    // Tokens that are bytes, and names that were cut within a character, were refused.
    @Test func textsThatAreNotUTF8AreEscaped() throws {
        let tokens = GGUF.text("<unk>") + bytes(of: UInt64(1)) + [0x80] + bytes(of: UInt64(2)) + [0xF6, 0]
        let cut = bytes(of: UInt64(2)) + [UInt8(ascii: "k"), 0xC3]
        let read = try read(
            GGUF.file(facts: [
                GGUF.fact("tokens", 9, bytes(of: UInt32(8)) + bytes(of: UInt64(3)) + tokens),
                cut + bytes(of: UInt32(8)) + bytes(of: UInt64(1)) + [0x1B],
                GGUF.fact("text", 8, bytes(of: UInt64(1)) + [0xFF]),
            ]))
        #expect(
            read.facts == [
                "tokens": #"["<unk>","\\x80","\\xf6\\x00"]"#, #"k\xc3"#: #""\u001b""#, "text": #""\\xff""#,
            ])
    }

    @Test func alignmentIsThatOfTheFile() throws {
        let eight = GGUF.fact("general.alignment", 4, bytes(of: UInt32(8)))
        let infos = [GGUF.info("a", [1], 24, offset: 0), GGUF.info("b", [1], 24, offset: 8)]
        let data: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 2]
        let good = GGUF.file(facts: [eight], infos: infos, data: data, alignment: 8)
        #expect(message(reading: good) == nil)
        // At the next multiple of 32, as there is nothing else said.
        #expect(message(reading: GGUF.file(infos: infos, data: data)) != nil)
    }

    /// Files, and what is said of each.
    private static let refused: [(bytes: [UInt8], expected: String)] = {
        var cases: [(bytes: [UInt8], expected: String)] = []
        let nested = [UInt8](repeating: 0, count: 5).flatMap { _ in bytes(of: UInt32(9)) + bytes(of: UInt64(1))
        }
        func refuse(_ bytes: [UInt8], _ expected: String) { cases.append((bytes, expected)) }
        refuse(
            GGUF.file(version: 1),
            "GGUF of version 1, which is not supported; convert the model to GGUF anew")
        refuse(
            GGUF.file(version: 3 << 24),
            "GGUF in big-endian byte order, which is not supported; gguf-convert-endian turns it around")
        refuse(GGUF.file(version: 4), "GGUF of version 4; known are 2 and 3")
        refuse(Array("GGUF".utf8), "the file is cut short within the GGUF header")
        refuse(
            Array("GGUF".utf8) + bytes(of: UInt32(3)) + bytes(of: UInt64.max) + bytes(of: UInt64(0)),
            "GGUF with 18446744073709551615 tensors; at most 131072 are read"
        )
        refuse(
            Array("GGUF".utf8) + bytes(of: UInt32(3)) + bytes(of: UInt64(0)) + bytes(of: UInt64.max),
            "GGUF with 18446744073709551615 keys of metadata; at most 65536 are read"
        )
        refuse(GGUF.file(facts: [GGUF.fact("k", 13, [])]), "\"k\" has the unknown type 13")
        refuse(GGUF.file(facts: [GGUF.fact("k", 7, [2])]), "\"k\" is a boolean of value 2")
        refuse(
            GGUF.file(facts: [GGUF.fact("k", 0, [2]), GGUF.fact("k", 0, [2])]), "the metadata has \"k\" twice")
        refuse(
            GGUF.file(facts: [GGUF.fact("k", 8, bytes(of: UInt64.max))]),
            "the file is cut short within the GGUF header")
        refuse(
            GGUF.file(facts: [GGUF.fact("k", 9, bytes(of: UInt32(12)) + bytes(of: UInt64(1 << 61)))]),
            "the file is cut short within the GGUF header"
        )
        refuse(
            GGUF.file(facts: [
                GGUF.fact(
                    "k", 9,
                    nested
                        + [UInt8](repeating: 0, count: 20))
            ]), "\"k\" is nested too deep"
        )
        refuse(
            GGUF.file(facts: [GGUF.fact("general.alignment", 4, bytes(of: UInt32(24)))]),
            "\"general.alignment\" is no power of two from 8 to 4096"
        )
        refuse(
            GGUF.file(facts: [GGUF.fact("general.alignment", 8, GGUF.text("32"))]),
            "\"general.alignment\" is no power of two from 8 to 4096"
        )
        refuse(
            GGUF.file(infos: [GGUF.info("t", [1], 40, offset: 0)]),
            "the file is cut short by 8 bytes or more: \"t\" lies beyond its end")
        refuse(
            GGUF.file(
                infos: [GGUF.info("t", [1], 40, offset: 0), GGUF.info("u", [1], 40, offset: 0)],
                data: [UInt8](repeating: 0, count: 64)),
            "\"t\" at offset 0 overlaps the tensor before it, or leaves a hole"
        )
        // The next tensor does not begin at a multiple of the alignment.
        refuse(
            GGUF.file(
                infos: [GGUF.info("t", [1], 40, offset: 0), GGUF.info("u", [1], 24, offset: 33)],
                data: [UInt8](repeating: 0, count: 64)),
            "\"u\" at offset 33 overlaps the tensor before it, or leaves a hole"
        )
        refuse(
            GGUF.file(
                infos: [GGUF.info("t", [1 << 62, 4], 40, offset: 0)], data: [UInt8](repeating: 0, count: 64)),
            "\"t\": size of shape [4, 4611686018427387904] overflows or is no whole number of bytes"
        )
        refuse(
            GGUF.file(
                infos: [GGUF.info("t", [1], 40, offset: 0), GGUF.info("u", [1], 24, offset: .max)],
                data: [UInt8](repeating: 0, count: 64)),
            "the file is cut short: \"u\" lies beyond its end"
        )
        refuse(
            GGUF.file(infos: [GGUF.info("t", [1, 1, 1, 1, 1], 0, offset: 0)]),
            "\"t\" has 5 axes; at most 4 are read")
        refuse(GGUF.file(infos: [GGUF.info("t", [UInt64.max], 0, offset: 0)]), "\"t\" is impossibly large")
        refuse(
            GGUF.file(infos: [GGUF.info("t", [1 << 62, 4], 0, offset: 0)]),
            "\"t\": size of shape [4, 4611686018427387904] overflows or is no whole number of bytes"
        )
        refuse(
            GGUF.file(infos: [GGUF.info("t", [33], 8, offset: 0)]),
            "\"t\" is Q8_0, whose rows are multiples of 32 elements, but this one's are not"
        )
        refuse(
            GGUF.file(infos: [GGUF.info("t", [4], 24, offset: 0)], data: [1, 2, 3]),
            "the file is cut short by 1 bytes or more: \"t\" lies beyond its end"
        )
        refuse(
            GGUF.file(infos: [GGUF.info("t", [4], 24, offset: .max)], data: [1, 2, 3, 4]),
            "the file is cut short: \"t\" lies beyond its end"
        )
        refuse(
            GGUF.file(
                infos: [GGUF.info("t", [1], 24, offset: 0), GGUF.info("u", [1], 24, offset: 0)],
                data: [UInt8](repeating: 0, count: 64)),
            "\"u\" at offset 0 overlaps the tensor before it, or leaves a hole"
        )
        refuse(
            GGUF.file(infos: [GGUF.info("t", [1], 24, offset: 32)], data: [UInt8](repeating: 0, count: 64)),
            "\"t\" at offset 32 overlaps the tensor before it, or leaves a hole"
        )
        refuse(
            GGUF.file(
                infos: [GGUF.info("t", [1], 24, offset: 0), GGUF.info("t", [1], 24, offset: 32)],
                data: [UInt8](repeating: 0, count: 64)), "two tensors are called \"t\""
        )
        refuse(
            GGUF.file(infos: [GGUF.info("t", [1], 24, offset: 0)], data: [UInt8](repeating: 0, count: 33)),
            "32 bytes after the last tensor belong to none"
        )
        return cases
    }()

    @Test(arguments: refused)
    func refusesWhatIsNoGGUF(bytes: [UInt8], expected: String) {
        #expect(message(reading: bytes) == expected)
    }

    @Test func isNotWrittenAnew() {
        #expect(throws: GGUFError.unwritable) {
            try CheckpointFile.write(.dictionary(CheckpointDictionary()), to: temporaryPath(), as: .gguf)
        }
    }
}
