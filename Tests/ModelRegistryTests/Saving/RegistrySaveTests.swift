import Checkpoints
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Synchronization
import Tensors
import TestSupport
import Testing

struct RegistrySaveTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    // MARK: Properties

    @Test(arguments: [0, 100, 200, 300] as [UInt64])
    func anyCheckpointLoadsBackBitForBit(firstSeed: UInt64) throws {
        for seed in firstSeed..<firstSeed + 100 {
            var random = RandomCheckpoints(seed: seed)
            let checkpoint = random.checkpoint()
            let version = try registry.save(checkpoint, as: "m", message: "")
            let manifest = try Manifest(of: checkpoint)
            #expect(version.version.contentID == manifest.contentID, "seed \(seed)")
            #expect(
                version.version.byteCount == manifest.byteCount
                    && version.version.tensorCount == manifest.tensorCount,
                "seed \(seed)")
            #expect(try registry.manifest(of: "m").canonicalBytes == manifest.canonicalBytes, "seed \(seed)")
            let loaded: Checkpoint = try registry.load("m", verifiesHashes: seed % 2 == 0)
            #expect(try differences(between: checkpoint, and: loaded) == [], "seed \(seed)")

            // What was loaded is saved as the same version, and adds nothing.
            let rows = try registry.contentRowCounts()
            let again = try registry.save(loaded, as: "m", options: SaveOptions())
            #expect(again.version.contentID == version.version.contentID, "seed \(seed)")
            #expect(again.sameContentAs == version.version.reference, "seed \(seed)")
            #expect(again.newByteCount == 0 && again.storedByteCount == 0, "seed \(seed)")
            #expect(try registry.contentRowCounts() == rows, "seed \(seed)")
            #expect(try registry.manifestDiff(from: "m~1", to: "m").isEmpty, "seed \(seed)")
        }
        #expect(try registry.problems() == [])
    }

    // MARK: Sharing bytes

    @Test func oneChangedByteAddsOneChunk() throws {
        let first = try noise(7 << 19)
        try registry.save(first, as: "m", message: "")
        #expect(try registry.count("chunk") == 4)
        let second = first.copied()
        second.storage.withUnsafeMutableBytes { $0[5 << 18] ^= 1 }
        let result = try registry.save(second, as: "m", options: SaveOptions())
        #expect(try registry.count("chunk") == 5)
        #expect(try registry.count("tensor") == 2)
        #expect(result.newByteCount == 1 << 20)
        #expect(try registry.load("m:v1", as: Tensor.self).bytes == first.bytes)
        #expect(try registry.load("m:v2", as: Tensor.self).bytes == second.bytes)
    }

    @Test func equalTensorsShareTheirBytesButNotTheirStorage() throws {
        let x = Tensor([Float(1), 2])
        try registry.save(["x": x, "y": x.copied()], as: "m", message: "")
        #expect(try registry.count("tensor") == 1)
        let loaded: StateDict = try registry.load("m")
        #expect(loaded["x"]?.storage !== loaded["y"]?.storage)
    }

    @Test func whatOnlyLooksNewIsNotStoredTwice() throws {
        // Of a hundred chunks, the few that a save looks at first are new; others it has, or has twice.
        var weights = StateDict()
        for index in 0..<100 { weights["\(index)"] = try noise(4000 + index) }
        let known = weights.copied()
        for index in [20, 21, 50] {
            try registry.save(try #require(weights["\(index)"]), as: "known", message: "")
        }
        weights["99"] = weights["10"]?.copied()
        let result = try registry.save(weights, as: "m", options: SaveOptions())
        #expect(result.newByteCount == (0..<99).reduce(0) { $0 + 4000 + $1 } - 4020 - 4021 - 4050)
        #expect(try registry.count("chunk") == 99)
        #expect(try registry.count("tensor") == 99)
        // No pack has bytes that no chunk needs.
        let packed = try registry.fetch(Int.self, "SELECT sum(byte_count) FROM pack")
        #expect(try packed == registry.fetch(Int.self, "SELECT sum(stored_byte_count) FROM chunk"))
        let loaded: StateDict = try registry.load("m", verifiesHashes: true)
        for index in 0..<99 { #expect(loaded["\(index)"]?.bytes == known["\(index)"]?.bytes, "\(index)") }
        #expect(loaded["99"]?.bytes == known["10"]?.bytes)
        #expect(try registry.problems() == [])
    }

    @Test func anotherModelSharesChunksToo() throws {
        try registry.save(Tensor([Float(1)]), as: "a", message: "")
        let rows = try registry.contentRowCounts()
        let result = try registry.save(Tensor([Float(1)]), as: "b", options: SaveOptions())
        #expect(try registry.contentRowCounts() == rows)
        #expect(result.sameContentAs == nil)
    }

    @Test func tiedTensorsAreTiedAgain() throws {
        let x = Tensor([Float(1), 2, 3])
        let tail = try Tensor(storage: x.storage, dtype: .float32, shape: [2], offset: 1)
        try registry.save(StateDict(["x": x, "same": x, "tail": tail]), as: "m", message: "")
        let loaded: StateDict = try registry.load("m")
        let storage = try #require(loaded["x"]?.storage)
        #expect(loaded["same"]?.storage === storage && loaded["tail"]?.storage === storage)
        storage.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), toByteOffset: 4, as: Float.self) }
        #expect(loaded["tail"]?.scalars(as: Float.self) == [9, 3])
    }

    // MARK: Versions

    @Test func numbersRise() throws {
        for number in 1...3 {
            #expect(
                try registry.save(Checkpoint.integer(Int64(number)), as: "m", message: "").version.reference
                    == "m:v\(number)")
        }
        #expect(try registry.save(Checkpoint.none, as: "other", message: "").version.number == 1)
        #expect(try registry.versions(of: "m").map(\.number) == [3, 2, 1])
        #expect(try registry.versions(of: "m", limit: 2).map(\.number) == [3, 2])
    }

    @Test func whatIsSaidOfAVersionIsKept() throws {
        var options = SaveOptions(message: "erste Größe 🧠", aliases: ["best", "a"])
        options.metrics = ["loss": 0.5, "accuracy": .nan, "big": .infinity]
        options.attributes = [
            "lr": 0.1, "name": try AttributeValue(json: "\"adam\\u0077\""), "sizes": [1, 2],
            "none": try AttributeValue(json: " null "), "on": true, "nested": ["a": ["b", 2.5]],
        ]
        options.attachments = ["config.json": Array("{}".utf8), "empty": []]
        try registry.save(Tensor([Float(1)]), as: "m", options: options)
        let version = try registry.version("m")
        #expect(
            version.message == "erste Größe 🧠" && version.aliases == ["a", "best"] && version.kind == .tensor)
        #expect(version.metrics["loss"] == 0.5 && version.metrics["big"] == .infinity)
        #expect(version.metrics["accuracy"]?.isNaN == true)
        let details = try registry.details(of: version)
        #expect(Array(details.attributes.keys) == ["lr", "name", "sizes", "none", "on", "nested"])
        #expect(details.attributes == options.attributes)
        #expect(details.attributes.values.map(\.text) == [nil, "adamw", nil, nil, nil, nil])
        #expect(details.attachments.map(\.name) == ["config.json", "empty"])
        #expect(details.attachments.map(\.byteCount) == [2, 0])
        #expect(details.sourceFile == nil)
    }

    @Test func theParentIsTheLatestUnlessSaidOtherwise() throws {
        #expect(try registry.save(Checkpoint.none, as: "m", message: "").version.parent == nil)
        #expect(try registry.save(Checkpoint.none, as: "m", message: "").version.parent == "m:v1")
        let fork = try registry.save(Checkpoint.none, as: "fork", options: SaveOptions(parent: "m:v1")).version
        #expect(fork.parent == "m:v1")
    }

    @Test(arguments: ["m:v9", "none", "m:nope"])
    func aParentThatDoesNotExistIsAnError(parent: String) throws {
        try registry.save(Checkpoint.none, as: "m", message: "")
        #expect(throws: RegistryError.self) {
            try registry.save(Checkpoint.none, as: "new", options: SaveOptions(parent: parent))
        }
        #expect(try registry.models().map(\.name) == ["m"])
    }

    @Test(arguments: [
        "", "adamw", "{", "01", "-", "1.", ".5", "1e", "+1", "--1", "'a'", "nul", "[1,]", "{\"a\":1,}", "1 2",
        "\"\n\"",
        "NaN",
    ])
    func anAttributeThatIsNoJSONIsAnError(json: String) throws {
        #expect(throws: RegistryError.badAttribute(json: json)) { try AttributeValue(json: json) }
        #expect("\(RegistryError.badAttribute(json: "x"))" == "value of an attribute is not JSON: \"x\"")
        // SQLite agrees, so that `value ->> '$'` never fails.
        #expect(try registry.fetch(Int.self, "SELECT json_valid('\(json.replacing("'", with: "''"))')") == 0)
        #expect(AttributeValue(parsing: json).text == json)
    }

    @Test(arguments: [
        "0", "-0.5", "1e-3", "12E+4", "[]", "{}", " [1, {\"a\":null}]\n", "\"é\\u00e9\"", "true", "null",
    ])
    func anAttributeMayBeAnyJSON(json: String) throws {
        #expect(try AttributeValue(json: json).json == json)
        #expect(AttributeValue(parsing: json).json == json)
        #expect(try registry.fetch(Int.self, "SELECT json_valid('\(json)')") == 1)
    }

    @Test func kindsAreWhatPeopleCallThem() throws {
        let tensor = Tensor([Float(1)])
        let kinds: [(Checkpoint, CheckpointKind)] = [
            (.tensor(tensor), .tensor), (.list([.tensor(tensor)]), .list), (.tuple([]), .tuple),
            (.integer(1), .value),
            (dictionary(["w": .tensor(tensor)]), .stateDict), (dictionary(["w": .integer(1)]), .dictionary),
        ]
        for (checkpoint, kind) in kinds {
            #expect(try registry.save(checkpoint, as: "m", message: "").version.kind == kind)
        }
    }

    @Test func aTooDeepCheckpointIsRefusedAndNothingIsSaved() throws {
        let deep = (0..<200).reduce(Checkpoint.none) { inner, _ in .list([inner]) }
        #expect(throws: CheckpointError.self) { try registry.save(deep, as: "m", message: "") }
        #expect(try registry.models().isEmpty)
    }

    @Test func progressEndsWithAll() throws {
        let seen = Mutex<[[Int]]>([])
        try registry.save(try noise(3 << 20), as: "m", options: SaveOptions()) { done, total in
            seen.withLock { $0.append([done, total]) }
        }
        #expect(seen.withLock { $0.last } == [3 << 20, 3 << 20])
    }

    // MARK: Size

    @Test func thousandsOfSmallTensorsAreSaved() throws {
        var state = StateDict()
        for index in 0..<5000 { state["layers.\(index).bias"] = Tensor([Float(index), 1, 2, 3]) }
        // Pairs that are tied: each is a storage of its own to put together.
        for index in 0..<1000 { state["tied.\(index)"] = state["layers.\(index).bias"] }
        try registry.save(state, as: "m", message: "")
        let loaded: StateDict = try registry.load("m")
        #expect(loaded.count == 6000 && loaded["tied.999"]?.storage === loaded["layers.999.bias"]?.storage)
        #expect(try registry.problems() == [])
    }
}
