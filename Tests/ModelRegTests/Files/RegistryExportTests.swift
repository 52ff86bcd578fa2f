import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelReg
import OrderedCollections
import TestSupport
import Testing

/// Versions as new files.
struct RegistryExportTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let target: String

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry.inMemory()
        target = folder.file("out.safetensors")
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    private func message(_ body: () throws -> some Any) -> String? {
        do {
            _ = try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func aPyTorchStateDictBecomesSafetensorsWithEqualTensors() throws {
        try registry.saveFile(Examples.path("mlp-step-100.pt"), as: "m")
        let result = try registry.exportFile("m", to: target)
        #expect(result.format == .safetensors && !result.isSourceFile && result.omitted.isEmpty)
        let written = try CheckpointFile.read(path: target).checkpoint
        let original = try CheckpointFile.read(path: Examples.path("mlp-step-100.pt")).checkpoint
        #expect(try Set(Examples.summaries(written)) == Set(Examples.summaries(original)))
    }

    @Test func metadataOfTheSourceIsWrittenAgain() throws {
        try registry.saveFile(Examples.path("mlp-step-100.safetensors"), as: "m")
        try registry.exportFile("m", to: target, options: ExportOptions(patterns: ["hidden.*"]))
        let written = try CheckpointFile.read(path: target)
        #expect(written.metadata["note"] == "größer \"quoted\"\n\ttab")
        #expect(
            try StateDict(checkpoint: written.checkpoint).names.sorted() == ["hidden.bias", "hidden.weight"])
    }

    @Test func stridedViewsArePacked() throws {
        let matrix = try Tensor(
            storage: Tensor((0..<6).map { Float($0) }).storage, dtype: .float32, shape: [3, 2], strides: [1, 3])
        try registry.save(["m": matrix], as: "m", message: "")
        try registry.exportFile("m", to: target)
        let written = try StateDict(checkpoint: CheckpointFile.read(path: target).checkpoint)
        #expect(written["m"]?.scalars(as: Float.self) == [0, 3, 1, 4, 2, 5])
    }

    @Test func flatteningJoinsNamesAndLeavesPlainValuesOut() throws {
        try registry.saveFile(Examples.path("checkpoint.pt"), as: "m")
        let result = try registry.exportFile("m", to: target, options: ExportOptions(flattens: true))
        #expect(result.omitted.contains("epoch") && result.omitted.contains("config/sizes/2"))
        let written = try StateDict(checkpoint: CheckpointFile.read(path: target).checkpoint)
        let expected = try #require(try Examples.expected().files["checkpoint.pt"]).leaves
            .filter { $0.kind == "tensor" }
        // No key of this checkpoint has a slash, so that every slash of a path stands between two keys.
        func name(_ path: String) -> String { path.split(separator: "/").joined(separator: ".") }
        #expect(Set(written.names) == Set(expected.map { name($0.path) }))
        for leaf in expected {
            let tensor = try #require(written[name(leaf.path)])
            #expect(ContentID(hashing: tensor.bytes).hex == leaf.sha256, "\(leaf.path)")
        }
    }

    @Test func flatteningSeparatesTiedTensors() throws {
        try registry.saveFile(Examples.path("tied.pt"), as: "m")
        try registry.exportFile("m", to: target, options: ExportOptions(flattens: true))
        let written = try StateDict(checkpoint: CheckpointFile.read(path: target).checkpoint)
        #expect(written["2.weight"] != nil && written["2.weight"]?.bytes == written["4.weight"]?.bytes)
    }

    // A slice drags its whole storage along in a PyTorch file; the version does not.
    @Test func aSliceOfALargeStorageIsExportedAlone() throws {
        let source = try CheckpointFile.read(path: Examples.path("views.pt"))
        guard case .dictionary(let dictionary) = source.checkpoint,
            case .tensor(let slice, _)? = dictionary["lone slice"]
        else {
            Issue.record("views.pt has no lone slice")
            return
        }
        let result = try registry.save(["slice": slice], as: "m", options: SaveOptions())
        #expect(slice.storage.byteCount == 16384 && result.newByteCount == 40)
        try registry.exportFile("m", to: target)
        #expect(try bytes(target).count < 200)
    }

    // MARK: Names and formats

    @Test func thePathsEndingSaysTheFormat() throws {
        try registry.saveFile(Examples.path("mlp-step-000.pt"), as: "m")
        #expect(try registry.exportFile("m", to: folder.file("a.safetensors")).format == .safetensors)
        #expect(try registry.exportFile("m", to: folder.file("b.pth")).format == .pytorch)
        #expect(try registry.exportFile("m", to: folder.file("c")).format == .pytorch)
        let options = ExportOptions(format: .safetensors)
        #expect(try registry.exportFile("m", to: folder.file("d.pt"), options: options).format == .safetensors)
    }

    @Test func aNewPyTorchFileKeepsNestingTypesAndTies() throws {
        for name in ["checkpoint.pt", "tied.pt", "mydict"] {
            let source = try CheckpointFile.read(path: Examples.path(name)).checkpoint
            // Saved as a value, so that there is no source file to give back.
            try registry.save(source, as: "m", message: "")
            let path = folder.file("\(name).pt")
            #expect(try registry.exportFile("m", to: path).isSourceFile == false)
            let written = try CheckpointFile.read(path: path).checkpoint
            #expect(try Manifest(of: written).canonicalBytes == Manifest(of: source).canonicalBytes, "\(name)")
        }
    }

    @Test func partOfAVersionBecomesANewPyTorchFile() throws {
        try registry.saveFile(Examples.path("mlp-step-000.pt"), as: "m")
        let part = ExportOptions(patterns: ["hidden.*"])
        try registry.exportFile("m", to: folder.file("x.pt"), options: part)
        let written = try CheckpointFile.read(path: folder.file("x.pt")).checkpoint
        #expect(try StateDict(checkpoint: written).names == ["hidden.weight", "hidden.bias"])
    }

    // MARK: Errors

    @Test func whatSafetensorsCannotHoldIsSaid() throws {
        let tensor = Tensor([Float(1)])
        let complex = try Tensor(bytes: [UInt8](repeating: 0, count: 16), dtype: .complex128, shape: [])
        func dictionary(_ entries: OrderedDictionary<CheckpointKey, Checkpoint>) -> Checkpoint {
            .dictionary(CheckpointDictionary(entries))
        }
        let cases: [(Checkpoint, String)] = [
            (
                dictionary([.string("a"): .tensor(tensor), .string("b"): .tensor(tensor)]),
                #"safetensors holds no tied tensors, "a" and "b" are; save it as a PyTorch file"#
            ),
            (
                dictionary([.string("a"): .list([.tensor(tensor)])]),
                #"safetensors holds tensors only, "a" is a list; save it as a PyTorch file"#
            ),
            (
                dictionary([.string("lr"): .number(1)]),
                #"safetensors holds tensors only, "lr" is a plain value; save it as a PyTorch file"#
            ),
            (
                .tensor(tensor),
                "safetensors holds named tensors only, this is a tensor without a name; save it as a PyTorch file"
            ),
            (
                dictionary([.string("__metadata__"): .tensor(tensor)]),
                #"safetensors keeps the name "__metadata__" for itself"#
            ),
            (
                dictionary([.string("c"): .tensor(complex)]),
                #"safetensors has no complex128, which "c" is; save it as a PyTorch file"#
            ),
        ]
        for (value, text) in cases {
            try registry.save(value, as: "m", message: "")
            #expect(message { try registry.exportFile("m", to: target) } == text)
        }
        try registry.save(dictionary([.integer(0): .tensor(tensor)]), as: "m", message: "")
        let text = message { try registry.exportFile("m", to: target) }
        #expect(text?.hasPrefix("safetensors holds names only, and the key") == true)
        #expect(try folder.contents.isEmpty)
    }

    @Test func anExistingFileStaysUnlessItMayBeReplaced() throws {
        try registry.saveFile(Examples.path("mlp-step-000.pt"), as: "m")
        for path in [target, folder.file("out.pt")] {
            try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
            #expect(
                message { try registry.exportFile("m", to: path) } == "cannot write \"\(path)\": File exists")
            #expect(try bytes(path) == Data("precious".utf8))
            try registry.exportFile("m", to: path, options: ExportOptions(mayReplace: true))
            #expect(try bytes(path).count > 20_000)
        }
        #expect(try folder.contents == ["out.pt", "out.safetensors"])
    }

    @Test(arguments: ["out.pt", "out.safetensors"])
    func aFailedExportLeavesNothingBehind(name: String) throws {
        try registry.saveFile(Examples.path("mlp-step-000.pt"), as: "m")
        try registry.store.withWriter { try $0.execute(sql: "UPDATE chunk SET checksum = 7") }
        #expect(throws: RegistryError.self) { try registry.exportFile("m", to: folder.file(name)) }
        #expect(try folder.contents.isEmpty)
        #expect(throws: FileError.self) {
            try registry.exportFile("m", to: folder.file("no/folder/x.safetensors"))
        }
        // A folder is where the file goes; nothing is left in it either.
        #expect(throws: RegistryError.self) {
            try registry.exportFile("m", to: folder.path, options: ExportOptions(mayReplace: true))
        }
        #expect(try folder.contents.isEmpty)
    }

    @Test func aSelectionOfNothingIsAnError() throws {
        try registry.saveFile(Examples.path("mlp-step-000.pt"), as: "m")
        let options = ExportOptions(patterns: ["hidden.wieght"])
        #expect(
            message { try registry.exportFile("m", to: target, options: options) }
                == #"nothing in the checkpoint matches "hidden.wieght" (did you mean "hidden.weight"?)"#)
    }
}
