import Checkpoints
import Formats
import OrderedCollections
import Tensors
import Testing

private func checkpoint(_ pickle: [UInt8], storages: [(String, [UInt8])] = []) throws -> Checkpoint {
    try read(torchFile(pickle, storages: storages)).checkpoint
}

private func failure(_ pickle: [UInt8], storages: [(String, [UInt8])] = []) -> String? {
    message(reading: torchFile(pickle, storages: storages))
}

struct PickleMachineTests {
    // MARK: Operations

    @Test(arguments: [0x82, 0x83, 0x84] as [UInt8])
    func refusesExtensionCodes(operation: UInt8) {
        #expect(
            failure([operation, 1, 0, 0, 0, 0x2E])
                == "data.pkl has the operation 0x\(String(operation, radix: 16)) at byte 0, which no checkpoint needs"
        )
    }

    @Test func callsNothingThatIsNoFunction() {
        #expect(
            failure(Pickle.text("os") + Pickle.emptyTuple + Pickle.reduce + Pickle.stop)
                == "data.pkl has no function at byte 8, where it needs one")
    }

    // MARK: Values

    @Test(arguments: [
        ("4e", "none"), ("88", "boolean true"), ("89", "boolean false"), ("4930310a", "boolean true"),
        ("4b ff", "integer 255"), ("4d ffff", "integer 65535"), ("4a ffffffff", "integer -1"),
        ("8a 00", "integer 0"), ("8a 01 80", "integer -128"),
        ("8a 08 0000000000000080", "integer -9223372036854775808"),
        ("8a 09 ffffffffffffff7f00", "integer 9223372036854775807"), ("4c 2d354c0a", "integer -5"),
        ("8b 01000000 05", "integer 5"),
        ("47 8000000000000000", "number 8000000000000000"), ("47 7ff8000000000123", "number 7ff8000000000123"),
        ("58 02000000 c3a9", "string é"), ("8c 01 61", "string a"), ("8d 0100000000000000 61", "string a"),
        ("55 01 61", "string a"), ("54 01000000 61", "string a"),
        ("80 04 95 0100000000000000 5d", "list []"), ("28 4b01 4b02 6c", "list [1, 2]"),
        ("5d 28 4b01 4b02 65", "list [1, 2]"),
        ("28 4b01 74", "tuple [1]"), ("4b01 4b02 86", "tuple [1, 2]"),
        ("5d 94 4b07 61 68 00 30", "list [7]"), ("4b07 32 30", "integer 7"), ("4b07 28 4b08 31", "integer 7"),
        // Protocol 0.
        ("46 312e350a", "number 3ff8000000000000"), ("56 615c7530306539 0a", "string aé"),
        ("56 5c7564383364 5c7564653030 0a", "string 😀"), ("53 27615c7863335c786139 270a", "string aé"),
        ("4b07 70 350a 30 67 350a", "integer 7"),
        // The memo, with gaps and over again; MEMOIZE takes the number of what is there.
        ("4b07 7105 30 4b08 7100 30 6805 6800 86", "tuple [7, 8]"),
        ("4b07 7100 30 4b08 7100 30 6800", "integer 8"), ("4b07 7105 30 4b09 7105 30 6805", "integer 9"),
        ("4b07 7105 30 4b08 94 30 6801 6805 86", "tuple [8, 7]"),
    ])
    func readsPlainValues(digits: String, expected: String) throws {
        func text(_ value: Checkpoint) -> String {
            func numbers(_ values: [Checkpoint]) -> String {
                "["
                    + values.map { text($0).split(separator: " ").last.map(String.init) ?? "" }
                    .joined(separator: ", ") + "]"
            }
            switch value {
            case .none: return "none"
            case .boolean(let flag): return "boolean \(flag)"
            case .integer(let integer): return "integer \(integer)"
            case .number(let number): return "number \(String(number.bitPattern, radix: 16))"
            case .string(let string): return "string \(string)"
            case .list(let items): return "list \(numbers(items))"
            case .tuple(let items): return "tuple \(numbers(items))"
            default: return "?"
            }
        }
        #expect(text(try checkpoint(hex(digits) + Pickle.stop)) == expected)
    }

    @Test func dictionariesKeepKindOrderAndKeys() throws {
        let pickle =
            Pickle.call("collections", "OrderedDict") + Pickle.mark + Pickle.text("b") + Pickle.integer(1)
            + Pickle.integer(0) + Pickle.integer(2) + [0x88] + Pickle.integer(3) + Pickle.text("b")
            + Pickle.integer(4) + Array("u".utf8) + Pickle.emptyDict + Pickle.text("_metadata")
            + Pickle.none + Pickle.setItem + Array("b".utf8) + Pickle.stop
        guard case .dictionary(let dictionary) = try checkpoint(pickle) else {
            Issue.record("no dictionary")
            return
        }
        let attributes = PlainTree.dictionary(
            [.init(key: .string("_metadata"), value: .value(.none))], kind: .plain)
        #expect(dictionary.kind == .ordered(attributes: attributes))
        #expect(Array(dictionary.entries.keys) == [.string("b"), .integer(0), .boolean(true)])
        // As in Python, the later value for a key that repeats, at its first place.
        guard case .integer(4)? = dictionary["b"] else {
            Issue.record("not the later value")
            return
        }
    }

    /// A precomposed é, and an e with an accent: Swift holds them to be equal, Python does not.
    @Test func keysThatOnlyLookTheSameAreTwoKeys() throws {
        let pickle = hex("7d 28 5802000000c3a9 4b01 580300000065cc81 4b02 75")
        guard case .dictionary(let dictionary) = try checkpoint(pickle + Pickle.stop) else {
            Issue.record("no dictionary")
            return
        }
        #expect(
            dictionary.entries.keys.map { Array($0.description.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
    }

    @Test func tensorsWithAttributesAreTensors() throws {
        let inner = Pickle.tuple(
            Pickle.storage("0", "FloatStorage", count: 1), Pickle.integer(0), Pickle.integers([1]),
            Pickle.integers([1]), [0x89], Pickle.emptyTuple)
        let pickle = Pickle.call(
            "torch._tensor", "_rebuild_from_type_v2", Pickle.global("torch._utils", "_rebuild_tensor_v2"),
            Pickle.global("torch.nn.parameter", "Buffer"), inner, Pickle.emptyDict)
        guard
            case .tensor(let tensor, let role) = try checkpoint(
                pickle + Pickle.stop, storages: [("0", [0, 0, 0, 0])])
        else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.shape == [1])
        #expect(role == .buffer)
    }

    // MARK: What a checkpoint cannot hold

    @Test(arguments: [
        ("8b ffffffff", "data.pkl is cut short"),
        ("49 610a", "data.pkl has a number at byte 0 that is none, or too long"),
        ("46 610a", "data.pkl has a number at byte 0 that is none, or too long"),
        ("67 2d310a", "data.pkl has a number at byte 0 that is none, or too long"),
        ("56 5c7564383030 0a", "data.pkl has text at byte 0 that is not valid UTF-8"),
        ("53 27615c 0a", "data.pkl has text at byte 0 that is not valid UTF-8"),
    ])
    func refusesValues(digits: String, expected: String) {
        #expect(failure(hex(digits) + Pickle.stop) == expected)
    }

    @Test func keepsKeysThatOnlyLookTheSame() throws {
        // {"é": None, "e" with a combining accent: None}
        let pickle = hex("7d 28 5802000000c3a9 4e 580300000065cc81 4e 75") + Pickle.stop
        let structure = try read(torchFile(pickle)).checkpoint.disassembled().structure
        #expect(structure.leafPaths.map { Array($0.text.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
    }

    // MARK: Abuse of the machine

    @Test(arguments: [
        ("2e", "data.pkl has no value at byte 0, where it needs one"),
        ("4e 4e 2e", "data.pkl has no end of all lists and dictionaries at byte 2, where it needs one"),
        ("28 4e 2e", "data.pkl has no end of all lists and dictionaries at byte 2, where it needs one"),
        ("30 2e", "data.pkl has no value at byte 0, where it needs one"),
        // A value below the mark is out of reach.
        ("4e 28 30 2e", "data.pkl has no value at byte 2, where it needs one"),
        ("74 2e", "data.pkl has no mark at byte 0, where it needs one"),
        ("85 2e", "data.pkl has no value at byte 0, where it needs one"),
        ("4e 87 2e", "data.pkl has no value at byte 1, where it needs one"),
        ("68 05 2e", "data.pkl uses memo 5 at byte 0 before it is set"),
        ("6a ffffffff 2e", "data.pkl uses memo 4294967295 at byte 0 before it is set"),
        ("71 00 2e", "data.pkl has no value at byte 0, where it needs one"),
        ("4e 4e 61 2e", "data.pkl has no list at byte 2, where it needs one"),
        ("29 4e 61 2e", "data.pkl has no list at byte 2, where it needs one"),
        ("5d 4e 4e 73 2e", "data.pkl has no dictionary at byte 3, where it needs one"),
        ("7d 28 4e 75 2e", "data.pkl has no value for each key at byte 3, where it needs one"),
        ("28 4e 64 2e", "data.pkl has no value for each key at byte 2, where it needs one"),
        ("5d 4e 62 2e", "data.pkl has no object to give a state to at byte 2, where it needs one"),
        ("28 6f 2e", "data.pkl has no class at byte 1, where it needs one"),
        ("4e 4e 93 2e", "data.pkl has no name at byte 2, where it needs one"),
        ("", "data.pkl is cut short"),
        ("4e", "data.pkl is cut short"),
        ("4a 01 00", "data.pkl is cut short"),
        ("8d ffffffffffffffff 61", "data.pkl is cut short"),
        ("63 6f73", "data.pkl is cut short"),
        ("4e 2e 4e", "data.pkl has 1 bytes after its end"),
        ("80 06 4e 2e", "data.pkl is written in pickle protocol 6; known are 0 to 5"),
        ("97 2e", "data.pkl has the operation 0x97 at byte 0, which no checkpoint needs"),
        ("4e 29 81 2e", "data.pkl has no class at byte 2, where it needs one"),
        ("4e 7d 81 2e", "data.pkl has no tuple of arguments at byte 2, where it needs one"),
        // A second state.
        (
            "63 610a620a 29 81 4e 62 4e 62 2e",
            "data.pkl has no object without a state at byte 10, where it needs one"
        ),
        ("63 0a620a 2e", "data.pkl has no name at byte 0, where it needs one"),
        ("63 613a620a630a 2e", "data.pkl has no name at byte 0, where it needs one"),
    ])
    func refusesMisuse(digits: String, expected: String) {
        #expect(failure(hex(digits)) == expected)
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] { Pickle.emptyTuple + [UInt8](repeating: 0x85, count: depth - 1) }
        #expect(failure(nested(Checkpoint.maximumDepth) + Pickle.stop) == nil)
        #expect(
            failure(nested(Checkpoint.maximumDepth + 1) + Pickle.stop)?.hasPrefix("data.pkl is nested too deep")
                == true)
        // Deep enough to overflow a stack, were values nested in memory.
        #expect(failure(nested(400_000) + Pickle.stop)?.hasPrefix("data.pkl is nested too deep") == true)
    }

    /// Forty lists, each of which has the one before it twice: a trillion values if written out.
    @Test func refusesBillionLaughs() {
        var pickle = Pickle.emptyList + [0x71, 0]
        for index in 0..<40 as Range<UInt8> {
            pickle +=
                Pickle.emptyList + [0x71, index + 1, 0x68, index] + Pickle.append + [0x68, index]
                + Pickle.append
        }
        #expect(
            failure(Pickle.mark + pickle + Pickle.tuple + Pickle.stop)
                == "data.pkl builds far more values than a file of its size can hold")
    }

    @Test func refusesMoreThanItsSizeJustifies() {
        // One text of 100 kB, ten thousand times.
        let text = Pickle.text(String(repeating: "x", count: 100_000)) + [0x71, 0]
        let pickle =
            Pickle.mark + text + [UInt8](repeating: 0, count: 10_000).flatMap { [0x68, $0] } + Pickle.tuple
        #expect(
            failure(pickle + Pickle.stop) == "data.pkl builds far more values than a file of its size can hold")
        // Two million empty lists in two million bytes.
        let lists = [UInt8](repeating: 0x5D, count: 2_000_000)
        #expect(
            failure(Pickle.mark + lists + Pickle.tuple + Pickle.stop)
                == "data.pkl builds far more values than a file of its size can hold")
    }

    // MARK: Tensors that do not fit

    @Test(arguments: [
        // Storage shorter than the tensor.
        (
            Pickle.tensor("0", count: 4, shape: [5], strides: [1]),
            "the checkpoint: shape [5] needs 20 bytes of storage, but there are 16"
        ),
        (
            Pickle.tensor("0", count: 4, offset: 1, shape: [4], strides: [1]),
            "the checkpoint: shape [4] needs 20 bytes of storage, but there are 16"
        ),
        (
            Pickle.tensor("0", count: 4, shape: [2, 2], strides: [3, 1]),
            "the checkpoint: shape [2, 2] needs 20 bytes of storage, but there are 16"
        ),
        (Pickle.tensor("0", count: 4, shape: [2], strides: [-1]), "the checkpoint: negative stride in [-1]"),
        (
            Pickle.tensor("0", count: 4, shape: [-1], strides: [1]),
            "the checkpoint: negative length in shape [-1]"
        ),
        (
            Pickle.tensor("0", count: 4, offset: -1, shape: [1], strides: [1]),
            "the checkpoint: negative storage offset -1"
        ),
        (
            Pickle.tensor("0", count: 4, shape: [2], strides: [1, 1]),
            "the checkpoint: strides [1, 1] do not fit shape [2]"
        ),
        (
            Pickle.tensor("0", count: 4, shape: [2, 2], strides: [.max, .max]),
            "the checkpoint: size of shape [2, 2] overflows or is no whole number of bytes"
        ),
        (
            Pickle.tensor("0", count: 4, offset: .max, shape: [1], strides: [1]),
            "the checkpoint: size of shape [1] overflows or is no whole number of bytes"
        ),
        (
            Pickle.tensor("0", count: 4, shape: [.max, 4], strides: [0, 0]),
            "the checkpoint: size of shape [9223372036854775807, 4] overflows or is no whole number of bytes"
        ),
        // 2^40 elements of one: 4 TiB from 16 bytes.
        (
            Pickle.tensor("0", count: 4, shape: [1 << 40], strides: [0]),
            "the checkpoint repeats a storage of 16 bytes to 4398046511104 bytes, beyond measure"
        ),
        // Storages.
        (
            Pickle.tensor("1", count: 4, shape: [4], strides: [1]),
            "the checkpoint needs storage \"1\", which is not there"
        ),
        (
            Pickle.tensor("../version", count: 4, shape: [4], strides: [1]),
            "the checkpoint needs storage \"../version\", which is not there"
        ),
        (
            Pickle.tensor("0", count: 5, shape: [4], strides: [1]),
            "the checkpoint needs storage \"0\" of 5 float32, but it has 16 bytes"
        ),
        (
            Pickle.tensor("0", count: -1, shape: [4], strides: [1]),
            "the checkpoint needs storage \"0\" of -1 float32, but it has 16 bytes"
        ),
    ])
    func refusesTensors(pickle: [UInt8], expected: String) {
        #expect(failure(pickle + Pickle.stop, storages: [("0", [UInt8](repeating: 0, count: 16))]) == expected)
    }

    @Test func refusesMoreAxesThanAnyTensorHas() {
        let ones = [Int64](repeating: 1, count: 65)
        let pickle = Pickle.tensor("0", count: 1, shape: ones, strides: ones)
        #expect(
            failure(pickle + Pickle.stop, storages: [("0", [0, 0, 0, 0])])?
                .hasPrefix("data.pkl has no tuple of at most 64 whole numbers") == true)
    }

    @Test func refusesDamagedStorages() {
        var file = torchFile(
            Pickle.tensor("0", count: 1, shape: [1], strides: [1]) + Pickle.stop,
            storages: [("0", [7, 7, 7, 7])])
        let place = file.indices.first { file[$0..<min($0 + 4, file.count)].elementsEqual([7, 7, 7, 7]) }
        if let place { file[place] = 6 }
        #expect(message(reading: file) == "\"archive/data/0\" does not match its checksum: the file is damaged")
    }
}
