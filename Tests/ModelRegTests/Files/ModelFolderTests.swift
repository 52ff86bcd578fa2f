import Foundation
import Foundations
import ModelReg
import OrderedCollections
import TestSupport
import Testing

/// Folders as one version.
struct ModelFolderTests {
    private let folder: TemporaryFolder
    private let registry: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry.inMemory()
    }

    private func write(_ text: String, to name: String) throws { try write(Data(text.utf8), to: name) }

    private func write(_ bytes: Data, to name: String) throws {
        let url = URL(fileURLWithPath: folder.file("in/" + name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: url)
    }

    private func writeTensors(_ names: [String], to name: String, as format: FileFormat = .safetensors) throws {
        try write("", to: name)
        var dictionary = CheckpointDictionary()
        for (index, name) in names.enumerated() {
            dictionary[name] = .tensor(Tensor([Float(index), 1, 2]))
        }
        try CheckpointFile.write(
            .dictionary(dictionary), to: folder.file("in/" + name), as: format, mayReplace: true)
    }

    private func read(_ exclusions: [String] = []) throws -> ModelSource {
        try ModelSource.read(folder.file("in"), excluding: exclusions)
    }

    private func paths(_ source: ModelSource) throws -> [String] {
        try source.checkpoint.disassembled().structure.leafPaths.map(\.text)
    }

    /// Saves the folder, writes it again, and compares all files.
    private func requireReturn(_ exclusions: [String] = []) throws {
        try registry.saveModel(read(exclusions), as: "m")
        let result = try registry.exportFile("m", to: folder.file("out/"))
        #expect(result.isFolder && result.isSourceFile)
        let diff = Process()
        diff.executableURL = URL(filePath: "/usr/bin/env")
        diff.arguments = ["diff", "-r", folder.file("in"), folder.file("out")]
        try diff.run()
        diff.waitUntilExit()
        #expect(diff.terminationStatus == 0)
        #expect(try registry.verify().problems.isEmpty)
    }

    private func refusal(_ exclusions: [String] = []) -> String? {
        do {
            _ = try read(exclusions)
            return nil
        } catch {
            return "\(error)"
        }
    }

    // MARK: What the files are

    @Test func oneSetOfWeightsHasItsOwnNames() throws {
        try writeTensors(["w", "b"], to: "model.safetensors")
        try write("{}", to: "config.json")
        #expect(try paths(read()) == ["b", "w"])
        // What is no text is kept as it is, and is no other set of weights.
        try write(Data([0, 1, 2]), to: "tokenizer.model")
        try write(Data([0]), to: "onnx/model.onnx")
        try CheckpointFile.write(
            .dictionary(CheckpointDictionary([.string("epoch"): .integer(3)])), to: folder.file("in/state.pt"),
            as: .pytorch)
        let source = try read()
        #expect(try paths(source) == ["b", "w", "onnx/model.onnx", "state.pt/epoch", "tokenizer.model"])
        #expect(source.opaqueNames == ["onnx/model.onnx", "tokenizer.model"])
        #expect(Array(source.attachments.keys) == ["config.json"] && source.notes.isEmpty)
        try requireReturn()
    }

    @Test func severalSetsAreEntriesByTheirNames() throws {
        try writeTensors(["w"], to: "unet/model.safetensors")
        try writeTensors(["w"], to: "vae/model.safetensors")
        try write("{}", to: "vae/config.json")
        try writeTensors(["exp_avg"], to: "optimizer.pt", as: .pytorch)
        #expect(
            try paths(read()) == [
                "optimizer.pt/exp_avg", "unet/model.safetensors/w", "vae/model.safetensors/w",
            ])
        try requireReturn()
        // One file of them, under the names that it has there.
        let options = ExportOptions(patterns: ["unet/*"])
        try registry.exportFile("m", to: folder.file("unet.safetensors"), options: options)
        let unet = try CheckpointFile.read(path: folder.file("unet.safetensors")).checkpoint
        #expect(try unet.disassembled().structure.leafPaths.map(\.text) == ["w"])
    }

    @Test(arguments: [FileFormat.safetensors, .pytorch])
    func theFilesOfAnIndexAreOneSet(format: FileFormat) throws {
        let names = (1...2).map { "model-\($0)-of-2.\(format.fileExtension)" }
        try writeTensors(["b"], to: names[0], as: format)
        try writeTensors(["a"], to: names[1], as: format)
        let index = "model.\(format.fileExtension).index.json"
        try write("{\"weight_map\":{\"a\":\"\(names[1])\",\"b\":\"\(names[0])\"}}", to: index)
        #expect(try paths(read()) == ["a", "b"])
        try requireReturn()
        // The index alone stands for its files, and for nothing else beside them.
        try write("x", to: "other.txt")
        let source = try ModelSource.read(folder.file("in/" + index))
        #expect(try paths(source) == ["a", "b"] && Array(source.attachments.keys) == [index])
        try writeTensors(["z"], to: "z.safetensors")
        #expect(
            try paths(read()) == [
                "model.\(format.fileExtension)/a", "model.\(format.fileExtension)/b", "z.safetensors/z",
            ])
    }

    @Test func anIndexWithoutItsFilesIsAFile() throws {
        try writeTensors(["w"], to: "model.safetensors")
        try write("{\"weight_map\":{\"w\":\"1.bin\",\"v\":\"2.bin\"}}", to: "pytorch_model.bin.index.json")
        #expect(try paths(read()) == ["w"])
        try writeTensors(["w"], to: "1.bin", as: .pytorch)
        #expect(
            refusal()
                == "\"2.bin\" is not there, but \"pytorch_model.bin.index.json\" names it; leave the index out with"
                + " --exclude")
        #expect(try paths(read(["*.index.json"])) == ["1.bin/w", "model.safetensors/w"])
        // One that does not fit what is there.
        try writeTensors(["other"], to: "2.bin", as: .pytorch)
        #expect(
            try read().notes == [
                "pytorch_model.bin.index.json is not the index of its files, which are kept one by one"
            ])
        try requireReturn()
    }

    @Test func whatOnlyLooksLikeACheckpointIsKeptAsItIs() throws {
        try writeTensors(["w"], to: "model.safetensors")
        try write(Data([0x50, 0x4B, 3, 4]), to: "training_args.bin")
        let source = try read()
        #expect(source.opaqueNames == ["training_args.bin"])
        #expect(
            source.notes.first?.hasPrefix(
                "training_args.bin cannot be read as a checkpoint and is kept as it is: ")
                == true)
        #expect(try paths(source) == ["w", "training_args.bin"])
        try requireReturn()
    }

    @Test func pointersOfGitLFSAreRefused() throws {
        try writeTensors(["w"], to: "a/1.safetensors")
        try write(
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n", to: "a/2.safetensors")
        #expect(
            refusal()
                == "\"a/2.safetensors\": the file is a Git LFS pointer, the bytes are not here; run `git lfs pull`"
        )
        #expect(refusal(["2.*"]) == nil)
    }

    // The numbers by which a pickle's objects name each other begin anew in each file.
    @Test func objectsOfSeveralFilesStayApart() throws {
        let object = Checkpoint.object(
            CheckpointObject(
                ObjectForm(name: try #require(QualifiedName(text: "m:C")), construction: .new, label: 0),
                parts: [(.arguments, .tuple([]))]))
        let pair = Checkpoint.list([object, .reference(0), .tensor(Tensor([1] as [Float]))])
        for name in ["a.pt", "b.pt"] {
            try write("", to: name)
            try CheckpointFile.write(pair, to: folder.file("in/" + name), as: .pytorch, mayReplace: true)
        }
        guard case .dictionary(let both) = try read().checkpoint, case .list(let second)? = both["b.pt"],
            case .reference(let label) = second[1]
        else {
            Issue.record("no list")
            return
        }
        #expect(label == 1)
        try requireReturn()
        guard case .dictionary(let back) = try registry.load("m", as: Checkpoint.self) else { return }
        #expect(try differences(between: .dictionary(both), and: .dictionary(back)) == [])
    }

    // MARK: Names

    @Test func oddNamesAreKept() throws {
        try writeTensors(["w"], to: "model.safetensors")
        let odd = ["a b.json", "line\nbreak", "-rf", "\u{FC}.json", "u\u{308}.json", ".hidden", "~1/~"]
        for name in odd + [String(repeating: "x", count: 255), "deep/er/and/deeper/x"] {
            try write("text of \(name)", to: name)
        }
        try write("", to: "empty.txt")
        try requireReturn()
    }

    @Test func someNamesAreLeftOutAndSaid() throws {
        try writeTensors(["w"], to: "model.safetensors")
        for name in [
            ".git/HEAD", "sub/.DS_Store", "__pycache__/x.pyc", "a.tmp", "sub/b.tmp", "logs/1", "sub/logs/2",
            "keep.tmp",
            "top.txt", "sub/top.txt",
        ] { try write("x", to: name) }
        try write("# what is not wanted\n\n*.tmp\n!keep.tmp\nlogs/\n", to: ".modelregignore")
        let source = try read(["/top.txt"])
        #expect(
            source.omitted == [
                ".git/", "__pycache__/", "a.tmp", "logs/", "sub/.DS_Store", "sub/b.tmp", "sub/logs/", "top.txt",
            ])
        #expect(Array(source.attachments.keys) == [".modelregignore", "keep.tmp", "sub/top.txt"])
        #expect(try read(["sub/**/*.tmp", "!a.tmp"]).omitted.contains("a.tmp") == false)
    }

    @Test func aNameThatIsNoTextIsRefusedOrLeftOut() throws {
        try writeTensors(["w"], to: "model.safetensors")
        let path = Array(folder.file("in/b").utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(refusal() == "the name of \"b\\xff\" is not UTF-8; rename it, or leave it out with --exclude")
        #expect(try read(["b?"]).omitted == ["b\\xff"])
    }

    // MARK: Links

    @Test func linksAreFollowedAsTheHubsCacheHasThem() throws {
        let root = folder.file("models--org--tiny")
        try writeTensors(["w"], to: "blob")
        for path in ["blobs", "refs", "snapshots/0123/onnx"] {
            try FileManager.default.createDirectory(
                atPath: "\(root)/\(path)", withIntermediateDirectories: true)
        }
        try FileManager.default.moveItem(atPath: folder.file("in/blob"), toPath: "\(root)/blobs/ab")
        for (name, target) in [
            ("model.safetensors", "../../blobs/ab"), ("onnx/x.safetensors", "../../../blobs/ab"),
        ] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(root)/snapshots/0123/\(name)", withDestinationPath: target)
        }
        let snapshot = try ModelSource.read("\(root)/snapshots/0123")
        #expect(try paths(snapshot) == ["model.safetensors/w", "onnx/x.safetensors/w"])
        try Data("0123\n".utf8).write(to: URL(fileURLWithPath: "\(root)/refs/main"))
        let source = try ModelSource.read(root)
        #expect(source.fileName == "tiny" && source.notes.count == 1)
        #expect(try paths(source) == paths(snapshot))
        try Data("../..".utf8).write(to: URL(fileURLWithPath: "\(root)/refs/main"))
        #expect(try ModelSource.read(root).fileName == "models--org--tiny")
    }

    @Test func linksThatLeadNowhereOrBackAreRefused() throws {
        try writeTensors(["w"], to: "a/model.safetensors")
        try FileManager.default.createSymbolicLink(atPath: folder.file("in/a/up"), withDestinationPath: "..")
        #expect(refusal() == "\"a/up\" is a link to a folder that it is in; leave it out with --exclude")
        #expect(try read(["up"]).omitted == ["a/up/"])
        try FileManager.default.removeItem(atPath: folder.file("in/a/up"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("in/gone"), withDestinationPath: "nowhere")
        #expect(refusal() == "\"gone\" is a link to a file that is not there; leave it out with --exclude")
        #expect(try read(["gone"]).omitted == ["gone"])
    }

    @Test func manyLinksToOneFolderAreBounded() throws {
        for depth in 0..<24 {
            try write("x", to: "\(depth)/x")
            for name in ["l", "r"] {
                try FileManager.default.createSymbolicLink(
                    atPath: folder.file("in/\(depth)/\(name)"), withDestinationPath: "../\(depth + 1)")
            }
        }
        try write("x", to: "24/x")
        #expect(refusal()?.hasPrefix("the folder has more than 100000 files or folders") == true)
    }

    // MARK: Writing

    @Test func nothingIsOverwrittenAndNothingLeftBehind() throws {
        try writeTensors(["w"], to: "sub/model.safetensors")
        try write("{}", to: "sub/config.json")
        try registry.saveModel(read(), as: "m")
        try FileManager.default.createDirectory(
            atPath: folder.file("out/sub"), withIntermediateDirectories: true)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.file("out/sub/config.json")))
        let error = #expect(throws: FileError.self) { try registry.exportFile("m", to: folder.file("out")) }
        #expect(error?.code == EEXIST)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("out/sub")) == ["config.json"])
        try registry.exportFile("m", to: folder.file("out"), options: ExportOptions(mayReplace: true))
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: folder.file("out/sub/config.json"))) == Data("{}".utf8))
    }

    @Test func filesAreGivenBackByTheirNames() throws {
        try writeTensors(["w", "v"], to: "unet/model.safetensors")
        try writeTensors(["w"], to: "vae/model.safetensors")
        try write("{}", to: "unet/config.json")
        try write(Data([0, 1]), to: "x.onnx")
        try registry.saveModel(read(), as: "m")
        func export(_ pattern: String, _ path: String) throws -> ExportResult {
            try registry.exportFile(
                "m", to: folder.file(path), options: ExportOptions(patterns: [pattern], mayReplace: true))
        }
        func isSame(_ path: String, _ name: String) throws -> Bool {
            try Data(contentsOf: URL(fileURLWithPath: folder.file(path)))
                == Data(contentsOf: URL(fileURLWithPath: folder.file("in/" + name)))
        }
        #expect(try export("unet/*", "u.safetensors").isSourceFile)
        #expect(try isSame("u.safetensors", "unet/model.safetensors"))
        #expect(try export("unet/config.json", "c.json").files.isEmpty)
        #expect(try isSame("c.json", "unet/config.json"))
        #expect(try export("x.onnx", "y.onnx").isSourceFile && isSame("y.onnx", "x.onnx"))
        let some = try export("unet", "some/")
        #expect(some.files == ["unet/model.safetensors"] && some.attachments == ["unet/config.json"])
        #expect(!some.isFolder && some.isSourceFile)
        // Some of its tensors are no file that was saved.
        let part = try export("unet/model.safetensors/w", "p.safetensors")
        #expect(!part.isSourceFile)
        let tensors = try CheckpointFile.read(path: folder.file("p.safetensors")).checkpoint
        #expect(try tensors.disassembled().structure.leafPaths.map(\.text) == ["w"])
        #expect(throws: PathSelectionError.self) { try export("nothing", "n/") }
    }

    /// A pattern of tensors is one, though it stands for the name of a file as well.
    @Test func patternsOfTensorsAreNoFiles() throws {
        try writeTensors(["model.w", "other"], to: "model.safetensors")
        try write("{}", to: "config.json")
        try registry.saveModel(read(), as: "m")
        let result = try registry.exportFile(
            "m", to: folder.file("x.safetensors"), options: ExportOptions(patterns: ["model*"]))
        #expect(!result.isSourceFile)
        let tensors = try CheckpointFile.read(path: folder.file("x.safetensors")).checkpoint
        #expect(try tensors.disassembled().structure.leafPaths.map(\.text) == ["model.w"])
    }

    @Test func theOnlyFileIsGivenBackAlone() throws {
        try writeTensors(["w"], to: "model.safetensors")
        try write("{}", to: "config.json")
        try registry.saveModel(read(), as: "m")
        let result = try registry.exportFile("m", to: folder.file("x.safetensors"))
        #expect(result.isSourceFile && !result.isFolder && result.files == ["x.safetensors"])
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: folder.file("x.safetensors")))
                == Data(contentsOf: URL(fileURLWithPath: folder.file("in/model.safetensors"))))
    }
}
