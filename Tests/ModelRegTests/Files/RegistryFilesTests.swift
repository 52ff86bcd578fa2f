import Foundation
import Foundations
import ModelReg
import OrderedCollections
import TestSupport
import Testing

/// Saving files that others wrote, and giving them back.
struct RegistryFilesTests {
    private let folder: TemporaryFolder
    private let registry: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry.inMemory()
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    @Test(arguments: Examples.names)
    func whatIsLoadedIsWhatTheirLibrariesRead(name: String) throws {
        let expected = try #require(try Examples.expected().files[name])
        try registry.saveFile(Examples.path(name), as: "m")
        let loaded: Checkpoint = try registry.load("m", verifiesHashes: true)
        #expect(try Examples.summaries(loaded) == expected.leaves.compactMap(\.summary))
        // An empty view shares no bytes, and is not kept tied.
        let empty = Set(expected.leaves.filter { $0.shape?.contains(0) == true }.map(\.path))
        let tied = expected.tied.map { Set($0).subtracting(empty) }.filter { $0.count > 1 }
        #expect(try Examples.tied(loaded) == Set(tied))
        let original = try CheckpointFile.read(path: Examples.path(name)).checkpoint
        #expect(try differences(between: original, and: loaded) == [])
        #expect(try registry.verify().problems.isEmpty)
    }

    @Test(arguments: Examples.names)
    func theVeryFileIsGivenBack(name: String) throws {
        let result = try registry.saveFile(Examples.path(name), as: "m")
        #expect(result.keepsSourceFile == true)
        let target = folder.file("out")
        let exported = try registry.exportFile("m", to: target, options: ExportOptions(verifiesHashes: true))
        #expect(exported.isSourceFile && exported.omitted.isEmpty && exported.path == target)
        #expect(try bytes(target) == bytes(Examples.path(name)))
        #expect(try folder.contents == ["out"])
        #expect(try registry.details(of: registry.version("m")).sourceFile?.name == name)
        // Saving what was given back adds nothing.
        let again = try registry.saveFile(target, as: "m")
        #expect(again.newByteCount == 0 && again.sameContentAs == "m:v1")
    }

    @Test func aFileOfAnotherFormatWithTheSameWeightsIsTheSameTensors() throws {
        try registry.saveFile(Examples.path("mlp-step-100.pt"), as: "m")
        let result = try registry.saveFile(Examples.path("mlp-step-100.safetensors"), as: "m")
        #expect(result.newByteCount == 0)
        let diff = try registry.diff("m:v1", "m:v2")
        #expect(diff.changes.isEmpty && diff.unchangedCount == 4 && diff.isStructureChanged)
    }

    @Test func metadataOfTheFileIsKept() throws {
        try registry.saveFile(Examples.path("mlp-step-100.safetensors"), as: "m")
        let details = try registry.details(of: registry.version("m"))
        let texts = Dictionary(uniqueKeysWithValues: details.fileFacts.map { ($0.key, $0.value.text) })
        let expected = [
            "format": "pt", "step": "100", "network": "20-256-10", "note": "größer \"quoted\"\n\ttab",
        ]
        #expect(texts == expected)
        #expect(details.attributes.isEmpty)
    }

    @Test(arguments: ["nothing", "../../Package.swift"])
    func whatIsNoCheckpointIsAnErrorAndNothingIsSaved(name: String) throws {
        #expect(throws: (any Error).self) { try registry.saveFile(Examples.path(name), as: "m") }
        #expect(try registry.models().isEmpty)
    }
}
