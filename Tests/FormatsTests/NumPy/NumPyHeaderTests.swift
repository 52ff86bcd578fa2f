import Checkpoints
import Formats
import OrderedCollections
import Tensors
import Testing

/// A NumPy array of version 1.0 with `header` and `data`.
private func array(_ header: String, _ data: [UInt8] = [], version: [UInt8] = [1, 0]) -> [UInt8] {
    [0x93] + Array("NUMPY".utf8) + version + bytes(of: UInt16(header.utf8.count)) + Array(header.utf8) + data
}

private func header(_ type: String, _ shape: String = "(1,)", order: String = "False") -> String {
    "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }\n"
}

struct NumPyHeaderTests {
    @Test func bigEndianIsSwapped() throws {
        let file = try read(array(header(">i2", "(2,)"), [1, 2, 0xFF, 0xFE]))
        guard case .tensor(let tensor, _) = file.checkpoint else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.scalars(as: Int16.self) == [0x0102, -2])
        #expect(file.storages.isEmpty)
        #expect(file.format == .npy)
    }

    @Test func fortranOrderIsAViewOfTheFile() throws {
        let file = try read(array(header("|u1", "(2, 3)", order: "True"), [1, 2, 3, 4, 5, 6]))
        guard case .tensor(let tensor, _) = file.checkpoint else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.strides == [1, 2])
        #expect(tensor.bytes == [1, 3, 5, 2, 4, 6])
        #expect(file.storages.count == 1)
    }

    /// Long headers and names beyond Latin-1 have later versions; Python 2 wrote an L after long integers.
    @Test(arguments: [[2, 0], [3, 0]] as [[UInt8]])
    func laterVersionsHaveLongerLengths(version: [UInt8]) throws {
        let text = Array(header("<f4", "(1L,)").utf8)
        let file =
            [0x93] + Array("NUMPY".utf8) + version + bytes(of: UInt32(text.count)) + text + [0, 0, 0x80, 0x3F]
        guard case .tensor(let tensor, _) = try read(file).checkpoint else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.scalars(as: Float.self) == [1])
    }

    @Test(arguments: [
        (header("<U3"), "the NumPy array is \"<U3\" of shape [1], 12 bytes, but 4 follow"),
        (header("<M8[ns]"), "the NumPy array is \"<M8[ns]\" of shape [1], 8 bytes, but 4 follow"),
        (
            header("<f4", "(2,)"),
            "cut short by 4 bytes: the NumPy array is float32 of shape [2], 8 bytes, but 4 follow"
        ),
        (header("<f4", "()") + "x", "the header of the NumPy array is damaged"),
        (header("<f4", "(0,)"), "the NumPy array is float32 of shape [0], 0 bytes, but 4 follow"),
        (header("<f4", "(-1,)"), "the header of the NumPy array is damaged"),
        (header("<f4", "(9223372036854775808,)"), "the header of the NumPy array is damaged"),
        (
            header("<f4", "(4611686018427387904, 4)"),
            "NumPy array: size of shape [4611686018427387904, 4] overflows or is no whole number of bytes"
        ),
        (
            header("<f4", "(\(String(repeating: "1,", count: 65)))"),
            "NumPy array: 65 axes; at most 64 are supported"
        ),
        (header("<f4", "1"), "the header of the NumPy array is damaged"),
        (header("<f4", order: "Maybe"), "the header of the NumPy array is damaged"),
        (
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
            "the header of the NumPy array is damaged"
        ),
        ("{'descr': '<f4', 'shape': (1,)}", "the header of the NumPy array is damaged"),
        ("{'descr': __import__('os')}", "the header of the NumPy array is damaged"),
        ("{'descr'", "the header of the NumPy array is damaged"),
        ("", "the header of the NumPy array is damaged"),
    ])
    func refusesOtherHeaders(header: String, expected: String) {
        #expect(message(reading: array(header, [0, 0, 0x80, 0x3F])) == expected)
    }

    @Test func refusesWhatIsCutShortOrUnknown() {
        let magic = [0x93] + Array("NUMPY".utf8)
        #expect(message(reading: magic) == "the NumPy array is cut short")
        #expect(message(reading: magic + [1, 0, 200, 0]) == "the NumPy array is cut short")
        #expect(message(reading: magic + [4, 0, 0, 0]) == "NumPy array of version 4.0; known are 1.0 to 3.0")
        #expect(
            message(reading: magic + [2, 0, 0xFF, 0xFF, 0xFF, 0xFF])
                == "NumPy header of 4294967295 bytes; at most 65536 are read")
    }

    // An array of texts or objects was refused where it was a file of its own.
    @Test(arguments: [
        ("<U1", [UInt8]([65, 0, 0, 0]), [1, 4]), ("|O", [0x80, 2, 0x4E, 0x2E], [4]),
        ("<M8[ns]", Array(1...8), [1, 8]),
    ])
    func anArrayOfAnotherTypeIsKeptAsBytes(type: String, data: [UInt8], shape: [Int]) throws {
        let file = try read(array(header(type), data))
        guard case .tensor(let tensor, _) = file.checkpoint else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.dtype == .uint8 && tensor.shape == shape && tensor.bytes == data)
        #expect(file.opaqueTypes == ["": type])
    }

    // One array of a type that is not read made all others unreadable.
    @Test func archivesKeepArraysOfOtherTypesAsBytes() throws {
        let fields =
            "{'descr': [('a', '<f4'), ('b', [('[)', '|u1', (2,))])], 'fortran_order': False, 'shape': (2,)}"
        let members:
            [(name: String, header: String, data: [UInt8], dtype: DType, shape: [Int], bytes: [UInt8])] = [
                ("number", header("|u1"), [7], .uint8, [1], [7]),
                // What ml_dtypes makes of bfloat16.
                ("bfloat16", header("|V2", "(2, 1)"), [1, 2, 3, 4], .uint16, [2, 1], [1, 2, 3, 4]),
                (
                    "fortran", header("|V3", "(1, 2)", order: "True"), [1, 2, 3, 4, 5, 6], .uint8, [1, 2, 3],
                    [1, 2, 3, 4, 5, 6]
                ),
                (
                    "columns", header("|S1", "(2, 2)", order: "True"), [1, 2, 3, 4], .uint8, [2, 2, 1],
                    [1, 3, 2, 4]
                ),
                ("text", header("<U1"), [65, 0, 0, 0], .uint8, [1, 4], [65, 0, 0, 0]),
                (
                    "date", header("<M8[ns]", "()"), [1, 2, 3, 4, 5, 6, 7, 8], .uint8, [8],
                    [1, 2, 3, 4, 5, 6, 7, 8]
                ),
                ("objects", header("|O"), [0x80, 2, 0x2E], .uint8, [3], [0x80, 2, 0x2E]),
                ("fields", fields, [UInt8](0..<12), .uint8, [2, 6], [UInt8](0..<12)),
                ("nothing", header("<U0", "(3,)"), [], .uint8, [0], []),
                ("empty", header("|V5", "(0, 3)", order: "True"), [], .uint8, [0, 3, 5], []),
            ]
        let file = try read(ZipBuilder(members.map { ($0.name + ".npy", array($0.header, $0.data)) }).bytes)
        guard case .dictionary(let dictionary) = file.checkpoint else {
            Issue.record("no tensors")
            return
        }
        for member in members {
            guard case .tensor(let tensor, _)? = dictionary[member.name] else {
                Issue.record("no \(member.name)")
                continue
            }
            #expect(
                tensor.dtype == member.dtype && tensor.shape == member.shape, "\(member.name): \(tensor.shape)")
            #expect(tensor.bytes == member.bytes, "\(member.name)")
        }
        #expect(file.opaqueTypes.count == 9 && file.opaqueTypes["bfloat16"] == "|V2")
        #expect(
            file.facts["numpy.opaque_types"]?.hasPrefix("{\"bfloat16\":\"|V2\",\"fortran\":\"|V3\",") == true)
        #expect(file.storages.count == 8)
    }

    @Test(arguments: [
        (header("|V2", "(3,)"), "\"a\": the NumPy array is \"|V2\" of shape [3], 6 bytes, but 4 follow"),
        (
            header("|V9223372036854775807", "(2,)"),
            "\"a\": NumPy array: size of shape [2] overflows or is no whole number of bytes"
        ),
        (header("|V99999999999999999999", "(3,)"), nil), (header("|V", "(4,)"), nil), (header("", "(4,)"), nil),
        ("{'descr': [('a', '<f4')", "\"a\": the header of the NumPy array is damaged"),
        (
            "{'descr': [('a, 'fortran_order': False, 'shape': (1,)}",
            "\"a\": the header of the NumPy array is damaged"
        ),
        (header("|O", "(\(String(repeating: "1,", count: 64)))"), nil),
        (header("|V4", "(\(String(repeating: "1,", count: 64)))"), nil),
    ])
    func otherTypesAreCheckedToo(header: String, expected: String?) {
        let file = ZipBuilder([("a.npy", array(header, [1, 2, 3, 4]))]).bytes
        #expect(message(reading: file) == expected)
    }

    @Test func arrayOfRawBytesIsKeptByItself() throws {
        let file = try read(array(header("|V2", "(2,)"), [1, 2, 3, 4]))
        guard case .tensor(let tensor, _) = file.checkpoint else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.dtype == .uint16 && tensor.bytes == [1, 2, 3, 4] && file.opaqueTypes == ["": "|V2"])
    }

    /// An archive whose arrays claim to inflate to so many bytes.
    private func compressed(_ byteCounts: [UInt32]) -> [UInt8] {
        var archive = ZipBuilder(
            byteCounts.indices.map { ("\($0).npy", [UInt8](repeating: 0, count: 600_000)) })
        for (index, byteCount) in byteCounts.enumerated() {
            archive.entries[index].method = 8
            archive.entries[index].byteCount = byteCount
        }
        return archive.bytes
    }

    // A pruned layer of 100 MB in a small file was refused, and it was not said by which limit.
    @Test func compressedArraysHaveABoundTogether() {
        #expect(
            message(reading: compressed([536_870_913]))
                == "\"0\": would inflate to 536870913 bytes; compressed arrays are held in memory, those of one file"
                + " together up to 536870912 bytes; save them with numpy.savez, which does not compress")
        // Within the bound, though not what it claims to be.
        #expect(message(reading: compressed([100_000_128])) == "\"0.npy\" does not inflate: it is damaged")
    }

    @Test func archivesHoldArraysAlone() {
        let good = array(header("|u1"), [7])
        let other = ZipBuilder([("a.npy", good), ("b.txt", [1])])
        #expect(
            message(reading: other.bytes)
                == "the file is a zip archive; extract \"a.npy\" from it and save that")
    }
}
