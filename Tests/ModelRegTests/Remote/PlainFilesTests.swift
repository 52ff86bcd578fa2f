import Checkpoints
import Foundation
import ModelReg
import ModelRegistry
import OrderedCollections
import Remotes
import Tensors
import TestSupport
import Testing

/// Versions at a remote as plain files, too.
struct PlainFilesTests {
    private let folder: TemporaryFolder
    private let here: Registry
    private let remote: String
    private let store: LayoutBlobStore

    init() throws {
        folder = try TemporaryFolder()
        here = try Registry.inMemory()
        remote = "oci:\(folder.file("remote"))"
        store = LayoutBlobStore(folder: folder.file("remote/m"))
    }

    private func dictionary(_ entries: KeyValuePairs<String, Checkpoint>) -> Checkpoint {
        var dictionary = CheckpointDictionary()
        for (name, value) in entries { dictionary[name] = value }
        return .dictionary(dictionary)
    }

    private func manifest(_ tag: String) throws -> OCIManifest {
        try RemoteJSON.decoded(try #require(try store.manifest(.tag(tag))).bytes, from: "")
    }

    private func bytes(_ blob: OCIDescriptor) throws -> [UInt8] {
        try store.bytes(of: try #require(blob.id), byteCount: blob.size)
    }

    private func push(_ references: [String] = ["m"], _ options: PushOptions = PushOptions().withFiles) throws
        -> PushReport
    {
        try here.push(references, to: remote, options: options)
    }

    /// Saves the example as safetensors with a config beside it.
    private func saveFile(seed: UInt64 = 1, attachments: OrderedDictionary<String, [UInt8]> = [:]) throws
        -> [UInt8]
    {
        let path = folder.file("model.safetensors")
        var generator = SeededGenerator(seed: seed)
        let values = (0..<1_200_000).map { _ in Float(generator.number(in: -1000...1000)) }
        let checkpoint = dictionary([
            "a.weight": .tensor(Tensor(values).reshaped(to: [1200, 1000])),
            "a.bias": .tensor(Tensor([1, 2, Float(seed)])),
            "empty": .tensor(Tensor([Float]())),
        ])
        try CheckpointFile.write(checkpoint, to: path, as: .safetensors, mayReplace: true)
        try here.saveFile(
            path, as: "m", options: SaveOptions(message: "é \(seed)", attachments: attachments))
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func theFileIsThereOnceByteForByte() throws {
        let file = try saveFile(attachments: ["config.json": Array("{}".utf8), "README.md": Array("# m".utf8)])
        #expect(try push().published == ["m:v1"])
        let pack = try manifest("v1")
        #expect(pack.artifactType == "application/vnd.cncf.model.manifest.v1+json")
        #expect(pack.config.mediaType == "application/vnd.cncf.model.config.v1+json")
        let layers = Dictionary(
            uniqueKeysWithValues: pack.layers.map { ($0.annotations?["org.cncf.model.filepath"], $0) })
        #expect(pack.layers.allSatisfy { $0.annotations?["org.opencontainers.image.title"] != nil })
        let weights = try #require(layers["model.safetensors"])
        #expect(weights.mediaType == "application/vnd.cncf.model.weight.v1.raw")
        #expect(try bytes(weights) == file)
        let config = try #require(layers["config.json"])
        #expect(config.mediaType == "application/vnd.cncf.model.weight.config.v1.raw")
        #expect(try bytes(config) == Array("{}".utf8))
        #expect(try #require(layers["README.md"]).mediaType == "application/vnd.cncf.model.doc.v1.raw")

        let facts = try #require(
            try JSONSerialization.jsonObject(with: Data(bytes(pack.config))) as? [String: Any])
        let descriptor = try #require(facts["descriptor"] as? [String: Any])
        #expect(descriptor["name"] as? String == "m" && descriptor["version"] as? String == "v1")
        let time = try #require(descriptor["createdAt"] as? String)
        #expect(
            try Date(time, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true))
                != .now)
        let files = try #require(facts["modelfs"] as? [String: Any])
        #expect(files["type"] as? String == "layers")
        #expect(files["diffIds"] as? [String] == pack.layers.map(\.digest))

        // The version's own manifest has its chunks in the same blob: there is no pack.
        let own = try manifest(try #require(try store.tags().first { $0.hasPrefix("v1-") }))
        #expect(own.layers.contains { $0.digest == weights.digest })
        #expect(!own.layers.contains { $0.mediaType == MediaType.pack })
    }

    @Test(arguments: ["", ":v1", ":best"]) func aVersionComesInFromPlainFiles(selector: String) throws {
        let file = try saveFile(attachments: ["config.json": Array("{}".utf8)])
        try here.setAlias("best", to: "m:v1")
        _ = try push()
        #expect(try manifest("best").artifactType == MediaType.modelPack)
        let there = try Registry.inMemory()
        try there.pull(["m\(selector)"], from: remote)
        let target = folder.file("out.safetensors")
        try there.exportFile("m", to: target)
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: target))) == file)
        #expect(try there.attachment("config.json", of: there.version("m")) == Array("{}".utf8))
        #expect(try there.verify().problems == [])
        // One tensor of it is read without the others.
        let part: Checkpoint = try RemoteRegistry(remote).load("m", only: ["a.bias"])
        #expect(
            try differences(between: part, and: here.load("m", as: Checkpoint.self, only: ["a.bias"])) == [])
    }

    @Test func laterVersionsAreDifferencesAgain() throws {
        _ = try saveFile()
        _ = try push()
        _ = try saveFile(seed: 2)
        let report = try push(["m"], PushOptions())
        #expect(report.pushed.map(\.theirs) == ["m:v2"])
        #expect(report.published == [])
        let there = try Registry.inMemory()
        try there.pull(["m"], from: remote)
        #expect(try there.version("m").contentID == here.version("m").contentID)
        #expect(try there.verify().problems == [])
        #expect(try here.verifyRemote("m", at: remote, isFull: true).problems == [])
    }

    @Test func aVersionThatIsThereGetsItsFiles() throws {
        let file = try saveFile()
        _ = try push(["m"], PushOptions())
        #expect(try manifest("v1").artifactType == MediaType.version)
        var dry = PushOptions().withFiles
        dry.dryRun = true
        #expect(try push(["m"], dry).published == ["m:v1"])
        #expect(try manifest("v1").artifactType == MediaType.version)
        #expect(try push().published == ["m:v1"])
        #expect(try bytes(try manifest("v1").layers[0]) == file)
        // Again, nothing is written.
        #expect(try push().published == [])
        let there = try Registry.inMemory()
        try there.pull(["m:v1"], from: remote)
        #expect(try there.version("m").contentID == here.version("m").contentID)
    }

    @Test func aPyTorchCheckpointBecomesSafetensors() throws {
        try here.saveFile(Examples.path("mlp-step-100.pt"), as: "m")
        _ = try push()
        let layer = try #require(try manifest("v1").layers.first)
        #expect(layer.annotations?["org.cncf.model.filepath"] == "model.safetensors")
        let target = folder.file("pulled.safetensors")
        try Data(bytes(layer)).write(to: URL(fileURLWithPath: target))
        let written = try CheckpointFile.read(path: target).checkpoint
        let original = try CheckpointFile.read(path: Examples.path("mlp-step-100.pt")).checkpoint
        #expect(try Set(Examples.summaries(written)) == Set(Examples.summaries(original)))
        let there = try Registry.inMemory()
        try there.pull(["m"], from: remote)
        let back = folder.file("back.pt")
        try there.exportFile("m", to: back)
        #expect(
            FileManager.default.contentsEqual(atPath: back, andPath: Examples.path("mlp-step-100.pt")))
    }

    /// The state dict within a checkpoint of a training is what others load.
    @Test func aTrainingsCheckpointBecomesItsStateDict() throws {
        try here.save(
            dictionary([
                "model": dictionary(["w": .tensor(Tensor([1, 2]))]), "epoch": .integer(3),
                "optimizer": dictionary(["state": dictionary(["0": .tensor(Tensor([5]))])]),
            ]), as: "m")
        _ = try push()
        let target = folder.file("pulled.safetensors")
        try Data(bytes(try manifest("v1").layers[0])).write(to: URL(fileURLWithPath: target))
        #expect(
            try differences(
                between: CheckpointFile.read(path: target).checkpoint,
                and: dictionary(["w": .tensor(Tensor([1, 2]))])) == [])
    }

    @Test func whatHasNoFilesIsNotSent() throws {
        try here.save(Checkpoint.list([.integer(1)]), as: "m")
        #expect(throws: (any Error).self) { try push() }
        #expect(try store.tags() == [])
    }

    @Test func deletingTakesTheFilesAlong() throws {
        _ = try saveFile()
        _ = try push()
        try here.deleteRemote("m:v1", at: remote)
        #expect(try store.tags() == [])
    }

    @Test func lostFilesAreFound() throws {
        _ = try saveFile(attachments: ["config.json": Array("{ }".utf8)])
        _ = try push()
        #expect(try here.verifyRemote("m", at: remote, isFull: true).problems == [])
        let layers = try manifest("v1").layers
        for layer in layers {
            let path = folder.file("remote/m/blobs/sha256/\(layer.digest.dropFirst(7))")
            let kept = try Data(contentsOf: URL(fileURLWithPath: path))
            try FileManager.default.removeItem(atPath: path)
            #expect(try !here.verifyRemote("m", at: remote).problems.isEmpty)
            try kept.write(to: URL(fileURLWithPath: path))
        }
    }

    /// Bytes in a plain file are as little trusted as those of a pack.
    @Test func aDamagedFileIsRefused() throws {
        _ = try saveFile()
        _ = try push()
        let weights = try manifest("v1").layers[0]
        let path = folder.file("remote/m/blobs/sha256/\(weights.digest.dropFirst(7))")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let there = try Registry.inMemory()
        #expect(throws: RemoteError.self) { try there.pull(["m"], from: remote) }
        #expect((try? there.versions(of: "m")) ?? [] == [])
    }

    @Test(arguments: [
        ("model.safetensors", "weight.v1.raw"), ("a/b.GGUF", "weight.v1.raw"),
        ("config.json", "weight.config.v1.raw"),
        ("README.md", "doc.v1.raw"), ("merges.txt", "weight.config.v1.raw"), ("notes.txt", "doc.v1.raw"),
        ("modeling.py", "code.v1.raw"), ("tokenizer.model", "weight.config.v1.raw"), ("LICENSE", "doc.v1.raw"),
        ("x", "weight.config.v1.raw"),
    ]) func filesHaveTheirKinds(path: String, ending: String) {
        #expect(PublishedFile.kind(ofPath: path).rawValue == "application/vnd.cncf.model.\(ending)")
    }
}
