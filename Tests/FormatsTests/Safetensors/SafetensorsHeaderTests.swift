import Checkpoints
import Formats
import OrderedCollections
import Tensors
import Testing

/// A safetensors file of `json` and `dataByteCount` zero bytes.
private func file(_ json: String, _ dataByteCount: Int = 0) -> [UInt8] {
    bytes(of: UInt64(json.utf8.count)) + Array(json.utf8) + [UInt8](repeating: 0, count: dataByteCount)
}

struct SafetensorsHeaderTests {
    @Test func tensorsKeepTheOrderOfTheHeader() throws {
        let json = """
            {"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"__metadata__":{"k":"v","a":""},
             "a":{"data_offsets":[0,1],"shape":[],"dtype":"BOOL"}, "e":{"dtype":"F32","shape":[0,3],"data_offsets":[3,3]}}
            """
        let result = try read(file(json, 3))
        guard case .dictionary(let dictionary) = result.checkpoint else {
            Issue.record("no dictionary")
            return
        }
        #expect(dictionary.kind == .plain)
        #expect(dictionary.entries.keys.map(\.description) == ["b", "a", "e"])
        #expect(result.metadata == ["k": "v", "a": ""])
        #expect(Array(result.metadata.keys) == ["k", "a"])
    }

    // The reference reads it as none; it was refused.
    @Test func metadataMayBeNull() throws {
        let result = try read(
            file(#"{"__metadata__": null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1))
        #expect(result.metadata.isEmpty)
        #expect(
            message(reading: file(#"{"__metadata__":nul"#))
                == "safetensors header: expected an object at byte 16")
        #expect(
            message(reading: file(#"{"__metadata__":nullx}"#))
                == "safetensors header: expected \",\" or \"}\" at byte 20")
        #expect(
            message(reading: file(#"{"__metadata__":null,"__metadata__":null}"#))
                == "safetensors header has \"__metadata__\" twice")
    }

    @Test(arguments: [
        ("F4", "[2,3]", 3, DType.float4e2m1fn), ("F6_E2M3", "[4]", 3, .float6e2m3fn),
        ("F6_E3M2", "[4]", 3, .float6e3m2fn),
    ])
    func elementsBelowAByteAreRead(name: String, shape: String, byteCount: Int, dtype: DType) throws {
        let json = "{\"x\":{\"dtype\":\"\(name)\",\"shape\":\(shape),\"data_offsets\":[0,\(byteCount)]}}"
        let result = try read(file(json, byteCount))
        guard case .dictionary(let dictionary) = result.checkpoint, case .tensor(let x, _)? = dictionary["x"]
        else {
            Issue.record("no tensor")
            return
        }
        #expect(x.dtype == dtype)
        #expect(x.byteCount == byteCount)
    }

    @Test func escapesInNamesAreRead() throws {
        let json = #"{"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#
        guard case .dictionary(let dictionary) = try read(file(json)).checkpoint else {
            Issue.record("no dictionary")
            return
        }
        #expect(dictionary.entries.keys.first == .string("é😀\"\\/\u{8}\u{C}\n\r\t"))
    }

    /// Each with the bytes that make it fail.
    @Test(arguments: [
        // Length and coverage.
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 0,
            "the file is cut short by 1 bytes: its tensors need 1, 0 are there"
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2,
            "1 bytes after the last tensor belong to no tensor"
        ),
        ("{}", 1, "1 bytes after the last tensor belong to no tensor"),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2,
            "1 bytes before \"a\" belong to no tensor"
        ),
        (
            """
            {"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}
            """, 3, "\"b\" overlaps another tensor"
        ),
        // Sizes.
        (
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
            "\"a\" is float32 of shape [2], 8 bytes, but its offsets span 4"
        ),
        (
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
            "\"a\" has invalid offsets [4, 0]"
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9223372036854775807,9223372036854775807]}}",
            4,
            "\"a\" has invalid offsets [9223372036854775807, 9223372036854775807]"
        ),
        (
            "{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0,
            "\"a\": size of shape [4611686018427387904, 4] overflows or is no whole number of bytes"
        ),
        (
            "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2,
            "\"a\": size of shape [3] overflows or is no whole number of bytes"
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[\(Array(repeating: "1", count: 65).joined(separator: ","))]}}",
            0,
            "\"a\" has more than 64 numbers in \"shape\""
        ),
        // Names and fields.
        (
            """
            {"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}
            """, 0, "safetensors header has \"a\" twice"
        ),
        ("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "safetensors header has \"k\" twice"),
        ("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "safetensors header has \"__metadata__\" twice"),
        ("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0, "\"a\" has an unknown or second \"dtype\""),
        ("{\"a\":{\"stride\":[1]}}", 0, "\"a\" has an unknown or second \"stride\""),
        ("{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}", 0, "\"a\" has no complete \"data_offsets\""),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0]}}", 0,
            "\"a\" has no complete \"data_offsets\""
        ),
        ("{\"a\":{}}", 0, "\"a\" has no complete \"dtype\""),
        ("{\"a\":{\"dtype\":\"U9\"}}", 0, "\"a\" has an unknown dtype \"U9\""),
        // JSON.
        ("{\"__metadata__\":{\"k\":1}}", 0, "safetensors header: expected a text as metadata at byte 21"),
        ("{\"a\":[]}", 0, "safetensors header: expected an object at byte 5"),
        (
            "{\"a\":{\"shape\":[-1]}}", 0,
            "safetensors header: expected a whole number that is not negative at byte 15"
        ),
        (
            "{\"a\":{\"shape\":[1.0]}}", 0,
            "safetensors header: expected a whole number that is not negative at byte 15"
        ),
        (
            "{\"a\":{\"shape\":[1e3]}}", 0,
            "safetensors header: expected a whole number that is not negative at byte 15"
        ),
        (
            "{\"a\":{\"shape\":[01]}}", 0,
            "safetensors header: expected a whole number that is not negative at byte 15"
        ),
        ("{\"a\":{\"shape\":[9223372036854775808]}}", 0, "safetensors header: number at byte 15 is too large"),
        (
            "{\"a\":{\"shape\":[[", 0,
            "safetensors header: expected a whole number that is not negative at byte 15"
        ),
        ("{,}", 0, "safetensors header: expected a key at byte 1"),
        ("{\"a\"", 0, "safetensors header: ends at byte 4, in the middle"),
        ("{\"a", 0, "safetensors header: ends at byte 3, in the middle"),
        ("{\"\\ud800\":1}", 0, "safetensors header: invalid escape at byte 2"),
        ("{\"\\x\":1}", 0, "safetensors header: invalid escape at byte 2"),
        ("{\"\n\":1}", 0, "safetensors header: control character in a text at byte 2"),
        ("{} {}", 0, "safetensors header: expected the end at byte 3"),
        ("{}\0", 0, "safetensors header: expected the end at byte 2"),
    ])
    func refusesWhatTheFormatForbids(json: String, dataByteCount: Int, expected: String) {
        #expect(message(reading: file(json, dataByteCount)) == expected)
    }

    @Test func refusesTextThatIsNotUTF8() {
        let json = Array("{\"".utf8) + [0xC3, 0x28] + Array("\":{}}".utf8)
        #expect(
            message(reading: bytes(of: UInt64(json.count)) + json)
                == "safetensors header: text at byte 2 is not valid UTF-8")
    }

    /// Swift holds these two names to be equal; they are two names all the same.
    @Test func keepsNamesThatOnlyLookTheSame() throws {
        let entry = "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
        let read = try read(file("{\"\u{E9}\":\(entry),\"e\u{301}\":\(entry)}"))
        guard case .dictionary(let dictionary) = read.checkpoint else {
            Issue.record("no dictionary")
            return
        }
        #expect(
            dictionary.entries.keys.map { Array($0.description.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
        // Keys of the metadata are texts, of which one would be lost.
        #expect(
            message(reading: file("{\"__metadata__\":{\"\u{E9}\":\"\",\"e\u{301}\":\"\"}}"))?.hasSuffix("twice")
                == true)
    }

    @Test func controlCharactersInNamesDoNotReachTheTerminal() {
        #expect(
            message(reading: file("{\"\\u001b[2J\":{\"dtype\":\"?\"}}"))
                == "\"\\u{1b}[2J\" has an unknown dtype \"?\"")
    }

    @Test func refusesHeadersThatDoNotFit() {
        #expect(
            message(reading: bytes(of: UInt64(100)) + Array("{}".utf8))
                == "the file is cut short by 98 bytes or more: safetensors header of 100 bytes, 2 are there")
        #expect(
            message(reading: bytes(of: UInt64.max) + Array("{\"a\":".utf8))
                == "safetensors header of 18446744073709551615 bytes; at most 100000000 are read")
        #expect(
            message(reading: bytes(of: UInt64(0)) + Array("{\"a\":".utf8))
                == "safetensors header does not begin with \"{\"")
    }

    @Test func refusesMoreMetadataAndAxesThanAnyModelHas() {
        let texts = (0...65_536).map { "\"\($0)\":\"\"" }.joined(separator: ",")
        #expect(
            message(reading: file("{\"__metadata__\":{\(texts)}}")) == "more than 65536 texts in the metadata")
        let shape = [String](repeating: "0", count: 64).joined(separator: ",")
        let entry = "{\"dtype\":\"U8\",\"shape\":[\(shape)],\"data_offsets\":[0,0]}"
        let entries = (0...32_768).map { "\"\($0)\":\(entry)" }.joined(separator: ",")
        #expect(message(reading: file("{\(entries)}")) == "more than 2097152 axes in one file")
    }

    @Test func refusesMoreTensorsThanAnyModelHas() {
        let entry = "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
        let json = "{" + (0...1_048_576).map { "\"\($0)\":\(entry)" }.joined(separator: ",") + "}"
        #expect(message(reading: file(json)) == "more than 1048576 tensors in one file")
    }
}
