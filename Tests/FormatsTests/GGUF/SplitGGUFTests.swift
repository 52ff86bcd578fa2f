import Checkpoints
import Formats
import Foundation
import Foundations
import OrderedCollections
import Tensors
import Testing

/// Models in several GGUF files: any of them stands for all, and all must belong together.
struct SplitGGUFTests {
    /// A part with one tensor of a byte for each name, of the type with a number.
    private func part(
        _ index: UInt16, of count: UInt16 = 2, tensorCount: Int32 = 2, _ names: [String], type: UInt32 = 24,
        facts: [[UInt8]] = []
    ) -> [UInt8] {
        let infos = names.enumerated().map { GGUF.info($1, [1], type, offset: UInt64($0 * 32)) }
        let data = names.indices.flatMap { [UInt8($0 + 1)] + [UInt8](repeating: 0, count: 31) }
        return GGUF.file(
            facts: facts + [
                GGUF.fact("split.no", 2, bytes(of: index)), GGUF.fact("split.count", 2, bytes(of: count)),
                GGUF.fact("split.tensors.count", 5, bytes(of: tensorCount)),
            ], infos: infos, data: data)
    }

    /// Reads the model that the first of `files`, by name, is a part of.
    private func split(_ files: [(name: String, bytes: [UInt8])]) throws -> SplitGGUF? {
        let folder = temporaryPath()
        defer { remove(folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, bytes) in files { try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
        let path = "\(folder)/\(files[0].name)"
        return try SplitGGUF.read(partOf: CheckpointFile.read(path: path), at: path)
    }

    @Test func anyPartStandsForAll() throws {
        let name = GGUF.fact("general.name", 8, GGUF.text("x"))
        let model = try #require(
            try split([
                ("m-00002-of-00002.gguf", part(1, tensorCount: 3, ["b", "c"], type: 40)),
                ("m-00001-of-00002.gguf", part(0, tensorCount: 3, ["a"], facts: [name])),
            ]))
        guard case .dictionary(let tensors) = model.checkpoint else {
            Issue.record("no tensors")
            return
        }
        #expect(tensors.entries.keys.map(\.description) == ["a", "b", "c"])
        #expect(model.partNames == ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"])
        #expect(model.facts["general.name"] == "\"x\"" && model.facts["split.count"] == "2")
        #expect(
            model.facts["gguf.unknown_types"]
                == "{\"b\":{\"type\":40,\"shape\":[1]},\"c\":{\"type\":40,\"shape\":[1]}}")
        #expect(
            model.facts["gguf.part_byte_counts"]
                == "[\(model.parts[0].file.byteCount),\(model.parts[1].file.byteCount)]")
        #expect(model.opaqueTypes == ["b": "type 40", "c": "type 40"])
    }

    @Test func wholeModelsAreNoSplit() throws {
        #expect(try split([("m.gguf", GGUF.file())]) == nil)
        #expect(try split([("m.gguf", part(0, of: 1, []))]) == nil)
        #expect(try split([("m.gguf", part(0, of: 0, []))]) == nil)
    }

    private static let name = "m-00001-of-00002.gguf"
    private static let other = "m-00002-of-00002.gguf"

    @Test func refusesPartsThatDoNotBelongTogether() throws {
        func refuse(
            _ files: [(name: String, bytes: [UInt8])], _ expected: String,
            line: SourceLocation = #_sourceLocation
        ) {
            #expect(sourceLocation: line) {
                try split(files)
            } throws: {
                "\($0)" == expected
            }
        }
        let first = (SplitGGUFTests.name, part(0, ["a"]))
        func second(_ bytes: [UInt8]) -> (String, [UInt8]) { (SplitGGUFTests.other, bytes) }
        let foreign = "\"m-00002-of-00002.gguf\" is not part 2 of 2 of this model by its metadata"
        refuse([first, second(part(0, ["b"]))], foreign)
        refuse([first, second(part(1, of: 3, ["b"]))], foreign)
        refuse([first, second(part(1, tensorCount: 7, ["b"]))], foreign)
        refuse([first, second(GGUF.file())], foreign)
        refuse(
            [first, second(part(1, ["a"]))], "\"m-00002-of-00002.gguf\" has \"a\", which an earlier part has")
        refuse(
            [first, second(part(1, []))],
            "the parts have 1 tensors together, and should have 2 by their metadata")
        refuse([first, second([1])], "\"m-00002-of-00002.gguf\": \(UnsupportedFormat.unknown)")
        refuse(
            [first, second(try Examples.bytes("dtypes.safetensors"))],
            "\"m-00002-of-00002.gguf\" is not a GGUF file, but has the name of a part")
        for name in [
            "m.gguf", "m-00002-of-00002.gguf", "m-00001-of-00003.gguf", "-00001-of-00002.gguf",
            "m-+0001-of-00002.gguf",
        ] {
            refuse(
                [(name, part(0, ["a"]))],
                "part 1 of 2 by its metadata, but its name does not end in \"-00001-of-00002.gguf\", so the others"
                    + " cannot be found")
        }
        refuse([(SplitGGUFTests.name, part(2, ["a"]))], "\(SplitGGUFError.metadata)")
        refuse(
            [(SplitGGUFTests.name, part(0, of: 5000, ["a"]))], "a model in 5000 files; at most 4096 are read")
        refuse(
            [(SplitGGUFTests.name, GGUF.file(facts: [GGUF.fact("split.count", 8, GGUF.text("2"))]))],
            "\(SplitGGUFError.metadata)")
        refuse(
            [
                (
                    SplitGGUFTests.name,
                    GGUF.file(facts: [GGUF.fact("gguf.part_byte_counts", 4, bytes(of: UInt32(1)))])
                )
            ],
            "the metadata has \"gguf.part_byte_counts\", a key that modelreg keeps for itself")
        #expect {
            try split([first])
        } throws: {
            ($0 as? FileError)?.operation == .open && "\($0)".contains("m-00002-of-00002.gguf")
        }
    }
}
