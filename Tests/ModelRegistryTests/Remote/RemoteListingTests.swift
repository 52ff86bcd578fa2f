import Checkpoints
import Expressions
import Foundation
import ModelRegistry
import OrderedCollections
import Remotes
import Tensors
import TestSupport
import Testing

struct RemoteListingTests {
    private let folder: TemporaryFolder
    private let here: Registry
    private let remote: String
    private var store: LayoutBlobStore { LayoutBlobStore(folder: folder.file("remote/m")) }

    init() throws {
        folder = try TemporaryFolder()
        here = try Registry.inMemory()
        remote = "oci:\(folder.file("remote"))"
    }

    private func save(_ count: Int) throws {
        for step in 0..<count {
            var options = SaveOptions(
                message: "\(step)", aliases: step == 1 ? ["best"] : [],
                metrics: ["loss": Double(count - step), "nan": .nan], attributes: ["lr": 0.5], step: step)
            options.environment = RunEnvironment(host: "h", command: ["a"], isDirty: true, packages: ["p": "1"])
            try here.save(dictionary(["w": .tensor(Tensor([Float(step)]))]), as: "m", options: options)
        }
    }

    private func records() throws -> [VersionRecord] {
        try RemoteRegistry(remote).versionRecords(of: "m")
    }

    /// What is listed there is what is listed here.
    private func expectSame(_ found: [VersionRecord]) throws {
        let ours = try here.versionRecords(of: "m")
        func text(_ record: VersionRecord) throws -> [String] {
            let version = record.version
            var texts = [
                version.reference, version.contentID.hex, version.message, "\(version.createdAt)",
                "\(version.aliases)", "\(version.run ?? "")", "\(version.step ?? -1)", "\(version.byteCount)",
                "\(version.tensorCount)", "\(version.kind)",
                "\(version.metrics.sorted { $0.key < $1.key }.map { "\($0)=\($1)" })",
                "\(record.attributes.map { "\($0)=\($1.json)" })",
            ]
            texts += try VersionRecord.builtInNames.map { "\(String(describing: try record.value(of: $0)))" }
            return texts
        }
        #expect(try found.map(text) == ours.map(text))
    }

    @Test(arguments: [1, 15, 16, 40]) func aListingIsThatOfTheRegistry(count: Int) throws {
        try save(count)
        try here.push(["m"], all: true, to: remote)
        try expectSame(records())
        #expect(try store.tags().contains("modelreg.index") == (count >= 16))
    }

    @Test func settingsOfRunsAreListed() throws {
        let run = try here.startRun(model: "m", name: "r", hyperparameters: ["depth": 3])
        for step in 0..<20 {
            try here.save(
                dictionary(["w": .tensor(Tensor([Float(step)]))]), as: "m",
                options: SaveOptions(run: run.id, step: step))
            try here.push(["m"], to: remote)
        }
        try run.finish()
        try expectSame(records())
        let condition = try QueryExpression(parsing: "depth == 3 and step > 17")
        #expect(
            try RemoteRegistry(remote).versionRecords(of: "m", where: condition).map(\.version.number)
                == [20, 19])
    }

    @Test func conditionsOrderAndLimitsHold() throws {
        try save(20)
        try here.push(["m"], all: true, to: remote)
        let condition = try QueryExpression(parsing: "loss <= 5 and lr == 0.5")
        let keys = [try SortKey(parsing: "loss")]
        let team = try RemoteRegistry(remote)
        func numbers(_ records: [VersionRecord]) -> [Int] { records.map(\.version.number) }
        #expect(
            try numbers(team.versionRecords(of: "m", where: condition, sortedBy: keys, limit: 3))
                == [20, 19, 18])
        #expect(try numbers(team.versionRecords(of: "m", limit: 2)) == [20, 19])
        #expect(
            try numbers(RemoteRegistry.versionRecords(at: "\(remote)/m:v5", limit: 2)) == [5, 4])
        #expect(
            try numbers(RemoteRegistry.versionRecords(at: "\(remote)/m:best~1")) == [1])
    }

    /// Each push one version, as a training does.
    @Test func requestsDoNotGrowWithVersions() throws {
        func requests(_ body: (any BlobStore) throws -> Void) throws -> Int {
            let counting = FailingStore(store, failingAfter: .max / 2)
            try body(counting)
            return counting.requestCount
        }
        var pushes: [Int] = []
        for step in 0..<70 {
            try here.save(
                dictionary(["w": .tensor(Tensor([Float(step)]))]), as: "m", options: SaveOptions(step: step))
            pushes.append(
                try requests { counting in _ = try here.push(["m"], to: remote, opening: { _ in counting }) })
        }
        // The index is written with each sixteenth version, and read only then.
        #expect(pushes.dropFirst(2).filter { $0 > 20 }.count <= 5)
        let listing = try requests { counting in
            _ = try RemoteRegistry.versionRecords(in: counting)
        }
        #expect(listing <= 3 + 2 * 15)
    }

    @Test func deletedVersionsAreNotListed() throws {
        try save(20)
        try here.push(["m"], all: true, to: remote)
        try here.deleteRemote("m:v7", at: remote)
        #expect(try !records().map(\.version.number).contains(7))
        #expect(try records().count == 19)
    }

    // MARK: Hostile indexes

    /// An index is only a cache: what does not belong to a version's tag is not believed.
    @Test(arguments: 0..<6) func aWrongIndexIsNotBelieved(number: Int) throws {
        try save(20)
        try here.push(["m"], all: true, to: remote)
        var index = try #require(try VersionIndex(in: store))
        let tag = try #require(index.versions.keys.sorted().first)
        switch number {
        case 0: index.versions[tag]?.contentID = String(repeating: "0", count: 64)
        case 1: index.versions[tag]?.number = 99
        case 2: index.versions[tag]?.createdAt = "2020-01-01 00:00:00.000"
        case 3: index.versions = [:]
        case 4: index.versions["v99-0123456789abcdef"] = index.versions[tag]
        default: index.versions = index.versions.mapValues { _ in index.versions[tag]! }
        }
        try index.write(to: store)
        try expectSame(records())
    }

    @Test func aDamagedIndexIsNotRead() throws {
        try save(20)
        try here.push(["m"], all: true, to: remote)
        let stored = try #require(try store.manifest(.tag("modelreg.index")))
        var manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: "")
        for bytes in [[], Array("nonsense that is long enough".utf8)] {
            manifest.layers = [try store.send(bytes, MediaType.versionIndex)]
            try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: "modelreg.index")
            try expectSame(records())
        }
        manifest.layers = []
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: "modelreg.index")
        try expectSame(records())
        // The next push that looks at it mends it.
        try save(20)
        try here.push(["m"], all: true, to: remote)
        #expect(try VersionIndex(in: store)?.versions.count == 40)
    }

    /// An alias of this name stays here: the tag means something else there.
    @Test func anAliasDoesNotReplaceTheIndex() throws {
        try save(16)
        try here.setAlias("modelreg.index", to: "m:v1")
        try here.push(["m"], all: true, to: remote)
        try here.push(["m"], all: true, to: remote)
        #expect(try VersionIndex(in: store)?.versions.count == 16)
    }

    // MARK: Reading

    @Test func partOfAVersionIsLoaded() throws {
        let checkpoint = dictionary([
            "encoder": dictionary(["w": .tensor(Tensor([1, 2]))]), "head": .tensor(Tensor([3])),
        ])
        try here.save(checkpoint, as: "m", options: SaveOptions(aliases: ["best"]))
        try here.push(["m"], to: remote)
        let team = try RemoteRegistry(remote)
        let whole: Checkpoint = try team.load("m:best")
        #expect(try differences(between: whole, and: checkpoint) == [])
        let part: Checkpoint = try team.load("m", only: ["encoder/*"])
        #expect(
            try differences(between: part, and: here.load("m", as: Checkpoint.self, only: ["encoder/*"])) == [])
        #expect(throws: RemoteError.self) { _ = try team.load("m:v9", as: Checkpoint.self) }
        #expect(throws: PathSelectionError.self) { _ = try team.load("m", as: Checkpoint.self, only: ["no"]) }
        #expect(try team.versions(of: "m").map(\.aliases) == [["best"]])
        #expect(throws: RemoteError.self) { _ = try team.versions(of: "other") }
    }
}
