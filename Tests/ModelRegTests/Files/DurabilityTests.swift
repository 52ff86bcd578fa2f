import Checkpoints
import Foundations
import ModelReg
import ModelRegistry
import Tensors
import TestSupport
import Testing

/// What is written lasts: bytes, then the name, then the folder's entry, and only then the call returns.
@Suite struct DurabilityTests {
    private let folder: TemporaryFolder
    private let registry: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry.inMemory()
        for value in [Float(1), 2] {
            try registry.save(
                ["w": Tensor([value, 3])] as StateDict, as: "m",
                options: SaveOptions(attachments: ["config.json": [1, 2], "empty": []]))
        }
    }

    /// The steps for files of these names in a folder.
    private func steps(_ names: [String], in folder: String) -> [DiskStep] {
        names.flatMap { [.bytes(of: folder + $0), .name(folder + $0), .folder(folder)] as [DiskStep] }
    }

    @Test func ofAnExportedFile() throws {
        let steps = try DiskStep.recorded(of: folder.file("")) {
            try registry.exportFile(
                "m", to: folder.file("w.pt"), options: ExportOptions(includesAttachments: true))
        }
        #expect(steps == self.steps(["w.pt", "config.json", "empty"], in: folder.file("")))
    }

    /// The folder's own name lasts, too.
    @Test func ofAnExportedFolder() throws {
        let steps = try DiskStep.recorded(of: folder.file("")) {
            try registry.exportFile("m", to: folder.file("new/"))
        }
        #expect(
            steps == self.steps(["model.safetensors", "config.json", "empty"], in: folder.file("new/"))
                + [.folder(folder.file(""))])
    }

    @Test func ofAPatch() throws {
        let steps = try DiskStep.recorded(of: folder.file("")) {
            try registry.writePatch(from: "m:v1", to: "m:v2", path: folder.file("p"))
        }
        #expect(steps == self.steps(["p"], in: folder.file("")))
    }

    /// The last steps are those of the archive; before them are those of the registry that it was.
    @Test(arguments: [true, false])
    func ofAnArchive(_ mayReplace: Bool) throws {
        let steps = try DiskStep.recorded(of: folder.file("")) {
            try registry.archive(to: folder.file("a.db"), mayReplace: mayReplace)
        }
        #expect(steps.suffix(3) == self.steps(["a.db"], in: folder.file(""))[...])
    }

    @Test func ofANewRegistry() throws {
        let steps = try DiskStep.recorded(of: folder.file("")) { _ = try Registry(path: folder.file("r.db")) }
        #expect(steps == [.folder(folder.file(""))])
    }
}
