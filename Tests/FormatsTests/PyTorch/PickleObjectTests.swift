import Checkpoints
import Formats
import Tensors
import Testing

private func structure(_ pickle: [UInt8], storages: [(String, [UInt8])] = []) throws -> String {
    try read(torchFile(pickle + Pickle.stop, storages: storages)).checkpoint.disassembled().structure.json
}

private func paths(_ pickle: [UInt8], storages: [(String, [UInt8])] = []) throws -> [String] {
    try read(torchFile(pickle + Pickle.stop, storages: storages)).checkpoint.disassembled().structure.leafPaths
        .map(
            \.text)
}

/// Classes and functions become objects: names with arguments and state.
struct PickleObjectTests {
    /// The same object in each of the ways that pickles have for it.
    @Test(arguments: [
        // NEWOBJ, NEWOBJ_EX without keywords, `copyreg._reconstructor`, `copyreg.__newobj__`.
        "clib\nNet\n)\u{81}", "clib\nNet\n)}\u{92}",
        "ccopy_reg\n_reconstructor\n(clib\nNet\nc__builtin__\nobject\nNtR",
        "ccopyreg\n__newobj__\n(clib\nNet\ntR",
    ])
    func oneObjectHasOneStructure(pickle: String) throws {
        let bytes = pickle.unicodeScalars.map { UInt8($0.value) }
        let state = Pickle.emptyDict + Pickle.text("lr") + Pickle.integer(1) + Pickle.setItem + Array("b".utf8)
        #expect(
            try structure(bytes + state)
                == #"{"object":["lib:Net","new",null,["state",{"dict":[["lr","value"]]}]]}"#)
        #expect(try paths(bytes + state) == ["lr"])
    }

    @Test(arguments: [
        // A call, with arguments that are below the object.
        (
            "cdatetime\nd\n(K\u{1}K\u{2}tR",
            #"{"object":["datetime:d","call",null,["arguments",{"tuple":["value","value"]}]]}"#
        ),
        // Sets in two spellings, whose items have an order.
        (
            "c__builtin__\nset\n](K\u{2}K\u{1}e\u{85}R",
            #"{"object":["builtins:set","call",null,["items",{"list":["value","value"]}]]}"#
        ),
        (
            "\u{8F}(K\u{2}K\u{1}\u{90}",
            #"{"object":["builtins:set","call",null,["items",{"list":["value","value"]}]]}"#
        ),
        (
            "(K\u{2}K\u{1}\u{91}",
            #"{"object":["builtins:frozenset","call",null,["items",{"list":["value","value"]}]]}"#
        ),
        // A class of lists and one of dictionaries.
        ("clib\nL\n)\u{81}(K\u{1}e", #"{"object":["lib:L","new",null,["items",{"list":["value"]}]]}"#),
        (
            "clib\nD\n)\u{81}(K\u{1}K\u{2}u",
            #"{"object":["lib:D","new",null,["entries",{"dict":[[1,"value"]]}]]}"#
        ),
        // A function without a call, a persistent name, a call of what a call gave.
        ("clib\nf\n", #""value""#),
        ("NQ", #"{"object":["pickle:persistent_load","persistent",null,["arguments",{"tuple":["value"]}]]}"#),
        (
            "ca\nf\n)R)R",
            #"{"object":["operator:call","apply",null,["arguments",{"tuple":[{"object":["a:f","call",null]}]}]]}"#
        ),
        // Keys of all kinds.
        ("}NK\u{1}s", #"{"dict":[[null,"value"]]}"#),
        ("}ca\nb\nK\u{1}s", #"{"dict":[[{"name":"a:b"},"value"]]}"#),
        ("}C\u{1}aK\u{1}s", #"{"dict":[[{"bytes":"61"},"value"]]}"#),
        ("}K\u{1}K\u{2}\u{86}K\u{1}s", #"{"dict":[[{"tuple":[1,2]},"value"]]}"#),
        ("}G\u{3F}\u{F8}\0\0\0\0\0\0K\u{1}s", #"{"dict":[[{"number":"3ff8000000000000"},"value"]]}"#),
        // A key that is an object.
        (
            "}ca\nf\n)RK\u{1}s",
            #"{"object":["builtins:dict","call",null,["arguments",{"tuple":[{"list":[{"tuple":[{"object":["a:f","call",null]},"value"]}]}]}]]}"#
        ),
    ])
    func spellsObjects(pickle: String, expected: String) throws {
        #expect(try structure(pickle.unicodeScalars.map { UInt8($0.value) }) == expected)
        #expect(try Structure(json: expected).json == expected)
    }

    @Test func itemsOfSetsAreSorted() throws {
        let pickle =
            Pickle.mark + Pickle.text("b") + Pickle.text("a") + Pickle.integer(10) + Pickle.integer(9) + [0x91]
        guard case .object(let set) = try read(torchFile(pickle + Pickle.stop)).checkpoint,
            case .list(let items)? = set[.items], case .integer(9) = items[0], case .integer(10) = items[1],
            case .string("a") = items[2], case .string("b") = items[3]
        else {
            Issue.record("not sorted")
            return
        }
    }

    @Test func anObjectThatIsThereTwiceIsReferredTo() throws {
        // [net, net], and a net whose attribute names itself.
        let net = Array("clib\nNet\n)".utf8) + [0x81, 0x71, 0]
        #expect(
            try structure(Pickle.mark + net + [0x68, 0] + Pickle.tuple)
                == #"{"tuple":[{"object":["lib:Net","new",0]},{"reference":0}]}"#)
        let state = Pickle.emptyDict + Pickle.text("parent") + [0x68, 0] + Pickle.setItem + Array("b".utf8)
        #expect(
            try structure(net + state)
                == #"{"object":["lib:Net","new",0,["state",{"dict":[["parent",{"reference":0}]]}]]}"#)
    }

    /// EMPTY_LIST, BINPUT 0, BINGET 0, APPEND: a list of itself.
    @Test func aContainerWithinItselfIsReferredTo() throws {
        #expect(
            try structure(hex("5d 71 00 68 00 61"))
                == #"{"object":["builtins:list","call",0,["items",{"list":[{"reference":0}]}]]}"#)
        #expect(
            try structure(hex("7d 71 00 4b 01 68 00 73"))
                == #"{"object":["builtins:dict","call",0,["entries",{"dict":[[1,{"reference":0}]]}]]}"#)
    }

    @Test func valuesThatAreNoObjectsStayPlain() throws {
        func only(_ digits: String) throws -> Checkpoint {
            try read(torchFile(hex(digits) + Pickle.stop)).checkpoint
        }
        guard case .bytes([0x61]) = try only("43 01 61"), case .bytes([0xFF]) = try only("55 01 ff"),
            case .bigInteger(let big) = try only("8a 09 ffffffffffffffff00"),
            case .bigInteger(let text) = try only("4c 2d3138343436373434303733373039353531363135 4c0a")
        else {
            Issue.record("another kind of value")
            return
        }
        #expect(big.description == "18446744073709551615")
        #expect(text.description == "-18446744073709551615")
    }

    /// How protocol 2 spells bytes: `_codecs.encode("\u{FF}a", "latin1")`.
    @Test func bytesComeOutOfLatin1() throws {
        let pickle = Pickle.call("_codecs", "encode", Pickle.text("\u{FF}a"), Pickle.text("latin1"))
        guard case .bytes([0xFF, 0x61]) = try read(torchFile(pickle + Pickle.stop)).checkpoint else {
            Issue.record("other bytes")
            return
        }
        let wide = Pickle.call("_codecs", "encode", Pickle.text("€"), Pickle.text("latin1"))
        #expect(
            message(reading: torchFile(wide + Pickle.stop))
                == "the checkpoint is a text that is not Latin-1 in place of bytes, which a checkpoint cannot hold"
        )
    }

    // MARK: Attributes of dictionaries

    /// `OrderedDict([("w", 1)])` with attributes that a BUILD gives it.
    private func attributed(_ state: [UInt8]) -> [UInt8] {
        Pickle.call("collections", "OrderedDict") + Pickle.text("w") + Pickle.integer(1) + Pickle.setItem
            + state
            + Array("b".utf8)
    }

    /// `_metadata` of a state dict was left out where a file was written anew.
    @Test func attributesOfAnOrderedDictionaryAreKept() throws {
        let metadata = Pickle.emptyDict + Pickle.text("_metadata") + Pickle.integers([1, 2]) + Pickle.setItem
        let expected =
            #"{"ordered_dict":[["w","value"]],"attributes":{"dict":[["_metadata",{"tuple":[1,2]}]]}}"#
        #expect(try structure(attributed(metadata)) == expected)
        #expect(try paths(attributed(metadata)) == ["w"])
        let path = temporaryPath()
        defer { remove(path) }
        let checkpoint = try read(torchFile(attributed(metadata) + Pickle.stop)).checkpoint
        try CheckpointFile.write(checkpoint, to: path, as: .pytorch)
        #expect(
            try CheckpointFile.read(path: path).checkpoint.disassembled().structure.json == expected)
    }

    @Test(arguments: [Pickle.none, Pickle.emptyDict])
    func attributesThatAreNothingAreNone(state: [UInt8]) throws {
        #expect(try structure(attributed(state)) == #"{"ordered_dict":[["w","value"]]}"#)
    }

    @Test func attributesThatAreNoPlainValuesAreTheStateOfAnObject() throws {
        let state = Pickle.emptyDict + Pickle.text("a") + Pickle.call("lib", "f") + Pickle.setItem
        let expected =
            #"{"object":["collections:OrderedDict","call",null,["entries",{"dict":[["w","value"]]}],"#
            + #"["state",{"dict":[["a",{"object":["lib:f","call",null]}]]}]]}"#
        #expect(try structure(attributed(state)) == expected)
        let path = temporaryPath()
        defer { remove(path) }
        let checkpoint = try read(torchFile(attributed(state) + Pickle.stop)).checkpoint
        try CheckpointFile.write(checkpoint, to: path, as: .pytorch)
        #expect(
            try CheckpointFile.read(path: path).checkpoint.disassembled().structure.json == expected)
    }

    /// An attribute that names its dictionary: EMPTY_DICT, then BINGET 0 as its only value.
    @Test func aDictionaryAmongItsAttributesIsReferredTo() throws {
        let state = Pickle.emptyDict + Pickle.text("a") + [0x68, 0] + Pickle.setItem + Array("b".utf8)
        #expect(
            try structure(Pickle.call("collections", "OrderedDict") + [0x71, 0] + state)
                == #"{"object":["collections:OrderedDict","call",0,["state",{"dict":[["a",{"reference":0}]]}]]}"#
        )
    }

    // MARK: Tensors in other guises

    @Test func aStorageAloneIsATensorOfOneAxis() throws {
        let pickle = Pickle.storage("0", "QInt8Storage", count: 4)
        #expect(
            try structure(pickle, storages: [("0", [1, 2, 3, 4])])
                == #"{"object":["torch:QInt8Storage","view",null,["value","tensor"]]}"#)
    }

    /// `torch.save(x.conj())` stores x and says that it is to be conjugated.
    @Test func aConjugatedTensorKeepsItsMark() throws {
        let metadata = Pickle.emptyDict + Pickle.text("conj") + [0x88] + Pickle.setItem
        let pickle = Pickle.call(
            "torch._utils", "_rebuild_tensor_v2", Pickle.storage("0", "ComplexFloatStorage", count: 1),
            Pickle.integer(0), Pickle.integers([1]), Pickle.integers([1]), [0x89], Pickle.none, metadata)
        #expect(
            try paths(pickle, storages: [("0", [UInt8](repeating: 0, count: 8))]) == ["", "__state__/conj"])
    }

    private func array(
        _ type: String, _ shape: [Int64], order: String = "<", bytes: [UInt8], unit: [UInt8] = []
    ) -> [UInt8] {
        let dtype =
            Pickle.call("numpy", "dtype", Pickle.text(type), [0x89], [0x88])
            + Pickle.tuple(Pickle.integer(3), Pickle.text(order), Pickle.none, Pickle.none, Pickle.none, unit)
            + Array("b".utf8)
        let start = Pickle.call(
            "numpy.core.multiarray", "_reconstruct", Pickle.global("numpy", "ndarray"), Pickle.integers([0]),
            Pickle.none)
        let data = [UInt8(ascii: "C"), UInt8(bytes.count)] + bytes
        return start + Pickle.tuple(Pickle.integer(1), Pickle.integers(shape), dtype, [0x89], data)
            + Array("b".utf8)
    }

    @Test func aNumPyArrayIsATensor() throws {
        let file = try read(torchFile(array("i2", [2], order: ">", bytes: [1, 2, 3, 4]) + Pickle.stop))
        guard case .object(let object) = file.checkpoint, case .tensor(let tensor, _)? = object[.value] else {
            Issue.record("no tensor")
            return
        }
        #expect(object.form.name.description == "numpy.ndarray")
        #expect(tensor.dtype == .int16 && tensor.shape == [2] && tensor.bytes == [2, 1, 4, 3])
    }

    @Test func aNumPyArrayOfAnotherLengthIsRefused() {
        #expect(
            message(reading: torchFile(array("i2", [3], bytes: [1, 2, 3, 4]) + Pickle.stop))
                == "the checkpoint is an array of int16 of shape [3], but its bytes are of another number")
    }

    /// Arrays of texts, bytes, dates and objects were objects with a block of bytes in them.
    @Test(arguments: [
        ("U2", "<U2", [UInt8]([0x61, 0, 0, 0, 0x62, 0, 0, 0, 0xE4, 0, 0, 0, 0, 0, 0, 0]), #"["ab", "ä"]"#),
        ("S2", "|S2", [0x61, 0x62, 0xFF, 0], "[6162, ff]"),
        ("m8", "<m8", [2, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255], "[2, -1]"),
    ])
    func aNumPyArrayOfTextsIsAList(code: String, name: String, bytes: [UInt8], expected: String) throws {
        let read = try read(torchFile(array(code, [2, 1], bytes: bytes) + Pickle.stop)).checkpoint
        func check(_ checkpoint: Checkpoint) throws {
            guard case .object(let object) = checkpoint, case .list(let items)? = object[.items],
                case .tuple(let arguments)? = object[.arguments], case .string(name) = arguments[0]
            else {
                Issue.record("no list: \(checkpoint)")
                return
            }
            #expect(object.form.name.description == "numpy.ndarray")
            let texts = items.map { item in
                switch item {
                case .string(let text): "\"\(text)\""
                case .bytes(let bytes): bytes.map { String($0, radix: 16) }.joined()
                case .integer(let number): "\(number)"
                default: "?"
                }
            }
            #expect("[\(texts.joined(separator: ", "))]" == expected)
        }
        try check(read)
        #expect(try read.disassembled().structure.leafPaths.suffix(2).map(\.text) == ["0", "1"])
        let path = temporaryPath()
        defer { remove(path) }
        try CheckpointFile.write(read, to: path, as: .pytorch)
        try check(CheckpointFile.read(path: path).checkpoint)
    }

    /// The unit of dates is at the end of the state of their type.
    @Test(arguments: [(Pickle.none, "D", 1, "<M8[D]"), (Pickle.emptyDict, "s", 25, "<M8[25s]")])
    func datesHaveAUnit(metadata: [UInt8], unit: String, count: Int64, name: String) throws {
        let bytes = Array("C".utf8) + [UInt8(unit.utf8.count)] + Array(unit.utf8)
        let parts = Pickle.tuple(bytes, Pickle.integer(count), Pickle.integer(1), Pickle.integer(1))
        let rest =
            Pickle.integer(-1) + Pickle.integer(-1) + Pickle.integer(0) + Pickle.tuple(metadata, parts)
        let pickle = array("M8", [1], bytes: [5, 0, 0, 0, 0, 0, 0, 0], unit: rest)
        guard case .object(let object) = try read(torchFile(pickle + Pickle.stop)).checkpoint,
            case .tuple(let arguments)? = object[.arguments], case .string(name) = arguments[0],
            case .list(let items)? = object[.items], case .integer(5) = items[0]
        else {
            Issue.record("no list of that type")
            return
        }
    }

    /// What is no character is no text, and a number of elements that does not fit is no array.
    @Test(
        arguments: [
            ("U1", [1], [UInt8]([0, 0xD8, 0, 0])), ("U1", [2], [0x61, 0, 0, 0]), ("U0", [1], []),
            ("M9", [1], [0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ] as [(String, [Int64], [UInt8])])
    func otherNumPyArraysAreObjects(code: String, shape: [Int64], bytes: [UInt8]) throws {
        #expect(try structure(array(code, shape, bytes: bytes)).contains("_reconstruct"))
    }

    /// `load --only names/0 -o x.pt` cannot make an array of part of its elements.
    @Test func partOfAListOfNumPyIsNotWritten() throws {
        let form = ObjectForm(name: .known("numpy:ndarray"), construction: .call)
        let part = Checkpoint.object(CheckpointObject(form, parts: [(.items, .list([.string("a")]))]))
        #expect(throws: PyTorchLayoutError.object(form.name)) {
            try CheckpointFile.write(part, to: temporaryPath(), as: .pytorch)
        }
    }

    // MARK: Abuse

    @Test func deepObjectsAreRefusedInOneLine() {
        var pickle: [UInt8] = Pickle.none
        for _ in 0..<10_000 { pickle = Array("ca\nf\n".utf8) + pickle + [0x85] + Pickle.reduce }
        #expect(
            message(reading: torchFile(pickle + Pickle.stop))?.hasPrefix("data.pkl is nested too deep") == true)
    }

    @Test func millionsOfCallsAreBounded() {
        let call = Array("ca\nf\n)R0".utf8)
        let pickle = Array([[UInt8]](repeating: call, count: 500_000).joined()) + Pickle.none + Pickle.stop
        #expect(
            message(reading: torchFile(pickle))
                == "data.pkl builds far more values than a file of its size can hold")
    }

    @Test func aStateThatIsTheObjectItselfIsAReference() throws {
        let pickle = Array("clib\nNet\n)".utf8) + [0x81, 0x71, 0, 0x68, 0] + Array("b".utf8)
        #expect(try structure(pickle) == #"{"object":["lib:Net","new",0,["state",{"reference":0}]]}"#)
    }
}

/// A checkpoint that is written anew and read again is the same.
struct PickleObjectRoundTripTests {
    @Test(arguments: [
        "clib\nNet\n)\u{81}}K\u{1}K\u{2}sb", "clib\nNet\n(K\u{1}tR(K\u{3}e", "\u{8F}(K\u{2}K\u{1}\u{90}",
        "ca\nf\n)R)R", "NQ", "clib\nNet\n(K\u{1}t}K\u{5}K\u{1}s\u{92}", "clib\nOuter.Inner\n)\u{81}",
        "C\u{2}\u{FF}a", "C\0", "\u{8A}\u{9}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\0",
        "clib\nNet\n)\u{81}q\0h\0b", "]q\0h\0a", "}ca\nf\n)RK\u{1}s", "}K\u{1}K\u{2}\u{86}K\u{1}s",
    ])
    func structureStays(pickle: String) throws {
        let bytes = pickle.unicodeScalars.map { UInt8($0.value) }
        let first = try read(torchFile(bytes + Pickle.stop)).checkpoint
        let path = temporaryPath()
        defer { remove(path) }
        try CheckpointFile.write(first, to: path, as: .pytorch)
        let second = try CheckpointFile.read(path: path).checkpoint
        #expect(try second.disassembled().structure.json == first.disassembled().structure.json)
        #expect(try Manifest(of: second).contentID == Manifest(of: first).contentID)
    }
}
