import Checkpoints
import GRDB
import ModelRegistry
import OrderedCollections
import Synchronization
import Tensors
import TestSupport
import Testing

struct RegistryLoadTests {
    private let registry: Registry

    init() throws {
        registry = try Registry.inMemory()
        try registry.save(
            dictionary([
                "enc.w": .tensor(Tensor([Float(1), 2])), "enc.b": .tensor(Tensor([Float(3)])),
                "dec": .list([.tensor(Tensor([Float(4)])), .integer(5)]),
            ]), as: "m", message: "")
    }

    @Test func aPatternLoadsItsPartOnly() throws {
        let part: Checkpoint = try registry.load("m", only: ["enc.*"])
        #expect(try part.disassembled().structure.leafPaths.map(\.text) == ["enc.w", "enc.b"])
        let list: Checkpoint = try registry.load("m", only: ["dec/1"])
        #expect(try list.disassembled().structure.json == #"{"dict":[["dec",{"list":["value"]}]]}"#)
    }

    @Test func aPatternThatMatchesNothingIsAnError() throws {
        let error = #expect(throws: PathSelectionError.self) {
            try registry.load("m", as: Checkpoint.self, only: ["enc.v"])
        }
        #expect(error?.description == #"nothing in the checkpoint matches "enc.v" (did you mean "enc.w"?)"#)
    }

    @Test func onlyTheChunksConcernedAreRead() throws {
        let chunk = try registry.fetch(
            Int64.self,
            """
            SELECT chunk FROM tensor_chunk JOIN parameter ON parameter.tensor = tensor_chunk.tensor
            JOIN path ON path.id = parameter.path WHERE text = 'enc.w'
            """)
        try registry.tamper(
            "UPDATE chunk SET checksum = (checksum + 1) & 4294967295, codec = 99 WHERE id = ?", [chunk])
        #expect(throws: RegistryError.self) { try registry.load("m", as: Checkpoint.self) }
        for patterns in [["enc.b"], ["dec"], ["enc.b", "dec/0"]] {
            _ = try registry.load("m", as: Checkpoint.self, only: patterns, verifiesHashes: true)
        }
    }

    @Test func oneMemberOfATieLoadsAlone() throws {
        let x = Tensor([Float](repeating: 1, count: 100))
        let far = try Tensor(storage: x.storage, dtype: .float32, shape: [2], offset: 90)
        let near = try Tensor(storage: x.storage, dtype: .float32, shape: [2], offset: 1)
        try registry.save(StateDict(["near": near, "far": far]), as: "views", message: "")
        let part: StateDict = try registry.load("views", only: ["far"])
        #expect(part["far"]?.scalars(as: Float.self) == [1, 1])
        #expect((part["far"]?.storage.byteCount ?? 0) < 200)
    }

    @Test func anotherTypeIsAnError() throws {
        #expect(throws: CheckpointTypeError.self) { try registry.load("m", as: Tensor.self) }
        try registry.save([Tensor([1, 2])], as: "list")
        #expect(throws: CheckpointTypeError.self) { try registry.load("list", as: StateDict.self) }
    }

    /// Tensors beside plain values are the state dict that is in a checkpoint.
    @Test func theStateDictWithinIsFound() throws {
        let state = try registry.load("m", as: StateDict.self)
        #expect(state["enc.w"]?.shape == [2])
    }

    @Test func referencesThatNameNothingSayWhatThereIs() throws {
        try registry.setAlias("best", to: "m")
        let messages = [
            "n": #"no model "n" (did you mean "m"?)"#, "resnet": #"no model "resnet""#,
            "m:v7": #"no version 7 of "m"; the latest is 1"#, "m:0": #"no version 0 of "m"; the latest is 1"#,
            "m:bets": #"no alias "bets" of "m" (did you mean "best"?)"#,
            "m:lastet": #"no alias "lastet" of "m" (did you mean "latest"?)"#,
            "m:production": #"no alias "production" of "m""#,
            "m~1": #"no version that much earlier: "m~1""#,
        ]
        for (reference, expected) in messages {
            #expect(message { try registry.load(reference, as: Checkpoint.self) } == expected)
            #expect(message { try registry.manifest(of: reference) } == expected)
            #expect(message { try registry.manifestDiff(from: "m", to: reference) } == expected)
            #expect(message { try registry.verify(reference) } == expected)
            #expect(message { try registry.delete(reference) } == expected)
        }
    }

    @Test func aContentIDInTheReferenceMustMatch() throws {
        let id = try registry.version("m").contentID
        #expect(try registry.version("m@sha256:\(id.hex)").number == 1)
        #expect(try registry.version("m@sha256:\(id.hex.prefix(4).uppercased())").number == 1)
        let wrong = "m@sha256:" + (id.hex.hasPrefix("0000") ? "1111" : "0000")
        #expect(message { try registry.version(wrong) } == "\"\(wrong)\" has another content id: \(id)")
    }

    @Test func stepsBackSkipDeletedVersions() throws {
        for number in 2...5 { try registry.save(Checkpoint.integer(Int64(number)), as: "m", message: "") }
        try registry.delete("m:v4")
        #expect(try registry.version("m~1").number == 3)
        #expect(try registry.version("m:v5~3").number == 1)
        #expect(message { try registry.version("m:v5~4") } == #"no version that much earlier: "m:v5~4""#)
    }

    @Test func aDiffReadsNoTensor() throws {
        try registry.save(
            dictionary(["enc.w": .tensor(Tensor([Float(1), 2])), "new": .none]), as: "m", message: "")
        try registry.tamper("DELETE FROM pack")
        let diff = try registry.manifestDiff(from: "m:v1", to: "m:v2")
        #expect(diff.unchangedCount == 1)
        #expect(diff.changes.map(\.path.text) == ["new", "enc.b", "dec/0", "dec/1"])
    }

    @Test func progressEndsWithAll() throws {
        let seen = Mutex(0)
        _ = try registry.load("m", as: Checkpoint.self) { done, total in
            seen.withLock { $0 = max($0, done) }
            #expect(total == 16)
        }
        #expect(seen.withLock { $0 } == 16)
    }

    @Test func tensorsAreCopiedWhereTheCallerWants() throws {
        let matrix = try Tensor(
            storage: Tensor([UInt8(0), 1, 2, 3, 4, 5]).storage, dtype: .uint8, shape: [3, 2], strides: [1, 3])
        let version = try registry.save(["t": matrix], as: "view", message: "")
        let target = Storage(zeroedByteCount: 6)
        try target.withUnsafeMutableBytes {
            try registry.copyTensors(of: version.version, [(leaf: 0, destination: $0)])
        }
        #expect(target.withUnsafeBytes { [UInt8]($0) } == matrix.bytes)
    }

    // The float begins two bytes after the number before it: within what is stored it is aligned to nothing. Such a
    // version was saved, and then refused as damaged.
    @Test func viewsOfSeveralTypesInOneStorageLoad() throws {
        let storage = Tensor([UInt8](0..<16)).storage
        let number = try Tensor(storage: storage, dtype: .uint16, shape: [2], offset: 1)
        let float = try Tensor(storage: storage, dtype: .float32, shape: [], offset: 1)
        let version = try registry.save(
            StateDict(["number": number, "float": float]), as: "mixed", message: "")
        let loaded: StateDict = try registry.load("mixed", verifiesHashes: true)
        #expect(loaded["number"]?.bytes == [2, 3, 4, 5] && loaded["float"]?.bytes == [4, 5, 6, 7])
        #expect(loaded["number"]?.storage === loaded["float"]?.storage)
        let target = Storage(zeroedByteCount: 4)
        try target.withUnsafeMutableBytes {
            try registry.copyTensors(of: version.version, [(leaf: 1, destination: $0)])
        }
        #expect(target.withUnsafeBytes { [UInt8]($0) } == [4, 5, 6, 7])
        #expect(try registry.problems() == [])
    }
}
