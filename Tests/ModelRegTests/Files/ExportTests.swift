import Checkpoints
import Formats
import Foundation
import Foundations
import ModelReg
import ModelRegistry
import OrderedCollections
import Tensors
import Testing

struct ExportTests {
    private let path = FileManager.default.temporaryDirectory.path + "/modelreg-\(UUID().uuidString)"

    /// `{"a": {"b": tensor}, "a.b": tensor}`.
    @Test func namesThatCollideWhenJoinedAreAnError() throws {
        let inner = CheckpointDictionary([.string("b"): .tensor(Tensor([Float(1)]))])
        let outer = CheckpointDictionary([
            .string("a"): .dictionary(inner), .string("a.b"): .tensor(Tensor([Float(2)])),
        ])
        let registry = try Registry.inMemory()
        try registry.save(Checkpoint.dictionary(outer), as: "x")
        for format in [FileFormat.safetensors, .npz] {
            #expect {
                try registry.exportFile("x", to: path, options: ExportOptions(format: format, flattens: true))
            } throws: {
                "\($0)" == "\"a/b\" and \"a.b\" would both be called \"a.b\"; save it as a PyTorch file"
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func attachmentsComeBack() throws {
        let registry = try Registry.inMemory()
        let bytes = [UInt8](repeating: 7, count: 100_000)
        let options = SaveOptions(attachments: ["config.json": bytes, "empty": []])
        let version = try registry.save(Checkpoint.integer(1), as: "x", options: options).version
        #expect(try registry.attachment("config.json", of: version) == bytes)
        #expect(try registry.attachment("empty", of: version) == [])
        #expect(try registry.attachment("config", of: version) == nil)
    }

    /// Names of attachments come from a registry, which may be anybody's.
    @Test(arguments: ["../x", "", "..", "a/../../b", "/a"])
    func namesNeverBecomePaths(name: String) throws {
        let registry = try Registry.inMemory()
        try registry.save(
            Checkpoint.tensor(Tensor([Float(1)])), as: "x", options: SaveOptions(attachments: [name: [1]]))
        #expect(throws: RegistryError.self) {
            try registry.exportFile("x", to: path + "/", options: ExportOptions(format: .pytorch))
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    /// A folder that cannot be written in full leaves nothing behind, and what was there stays.
    @Test func foldersAreWrittenInFullOrNotAtAll() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let registry = try Registry.inMemory()
        let checkpoint = Checkpoint.dictionary(
            CheckpointDictionary([.string("w"): .tensor(Tensor([Float(1)]))]))
        try registry.save(
            checkpoint, as: "x",
            options: SaveOptions(attachments: ["config.json": [1], "model.safetensors": [2]]))
        #expect(throws: ExportError.sameName("model.safetensors")) {
            try registry.exportFile("x", to: path + "/")
        }
        #expect(!FileManager.default.fileExists(atPath: path))

        try registry.save(checkpoint, as: "y", options: SaveOptions(attachments: ["config.json": [1]]))
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Data([9]).write(to: URL(fileURLWithPath: path + "/config.json"))
        #expect(throws: FileError.self) { try registry.exportFile("y", to: path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["config.json"])
        let result = try registry.exportFile("y", to: path, options: ExportOptions(mayReplace: true))
        #expect(result.files == ["model.safetensors"] && result.attachments == ["config.json"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/config.json")) == Data([1]))
        // What the transformers library looks for.
        #expect(try CheckpointFile.read(path: path + "/model.safetensors").metadata == ["format": "pt"])
    }
}
