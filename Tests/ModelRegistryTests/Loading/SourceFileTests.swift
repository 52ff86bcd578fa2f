import Checkpoints
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct SourceFileTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    /// A file of a made-up format: literals around two tensors, the second one first.
    private let bytes = Array("head".utf8) + [1, 2, 3, 4] + Array("--".utf8) + [5, 6] + Array("tail".utf8)

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry.inMemory()
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file("source")))
    }

    private func save() throws -> SaveResult {
        let file = try MappedFile(path: folder.file("source"))
        let (first, second) = (file.storage(of: 4..<8), file.storage(of: 10..<12))
        let checkpoint = dictionary([
            "b": .tensor(try Tensor(storage: second, dtype: .uint8, shape: [2])),
            "a": .tensor(try Tensor(storage: first, dtype: .uint8, shape: [2, 2])),
        ])
        let source = SourceFile(
            name: "source", format: "made-up", file: file, storages: [(4..<8, first), (10..<12, second)],
            metadata: ["note": "ü\"\n"])
        return try registry.save(checkpoint, as: "m", options: SaveOptions(sourceFile: source))
    }

    private func restored(_ version: Version) throws -> [UInt8]? {
        guard try registry.restoreSourceFile(of: version, to: folder.file("restored"), mayReplace: true) else {
            return nil
        }
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("restored"))))
    }

    @Test func theFileIsGivenBackByteForByte() throws {
        let result = try save()
        #expect(result.keepsSourceFile == true)
        #expect(try restored(result.version) == bytes)
        let details = try registry.details(of: result.version)
        let source = try #require(details.sourceFile)
        #expect(source.name == "source" && source.format == "made-up" && source.byteCount == bytes.count)
        #expect(details.fileFacts.values.map(\.text) == ["ü\"\n"] && details.attributes.isEmpty)
        #expect(try registry.problems() == [])
    }

    /// The end of one file and the beginning of the next are one literal of the recipe.
    @Test func severalFilesAreGivenBackByteForByte() throws {
        let parts = [Array(bytes[..<9]), [], Array(bytes[9...])]
        let files = try parts.enumerated().map { index, part in
            try Data(part).write(to: URL(fileURLWithPath: folder.file("\(index)")))
            return try MappedFile(path: folder.file("\(index)"))
        }
        let (first, second) = (files[0].storage(of: 4..<8), files[2].storage(of: 1..<3))
        let checkpoint = dictionary([
            "b": .tensor(try Tensor(storage: second, dtype: .uint8, shape: [2])),
            "a": .tensor(try Tensor(storage: first, dtype: .uint8, shape: [4])),
        ])
        let source = SourceFile(
            name: "0", format: "made-up", files: files, storages: [(4..<8, first), (10..<12, second)],
            metadata: [:])
        let version = try registry.save(checkpoint, as: "m", options: SaveOptions(sourceFile: source)).version
        #expect(try registry.problems() == [])
        func restore(_ byteCounts: [Int]) throws -> Bool {
            try registry.restoreSourceFiles(
                of: version, to: byteCounts.enumerated().map { ($1, folder.file("back-\($0)")) },
                mayReplace: true)
        }
        #expect(try restore(parts.map(\.count)))
        for (index, part) in parts.enumerated() {
            #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("back-\(index)")))) == part)
        }
        // As one file, they are one after the other.
        #expect(try restored(version) == bytes)
        // Lengths that are not those of the files, or cut through a tensor.
        for byteCounts in [[], [9], [9, 8], [-1, 17], [17, -1], [.max, .max], [16, 1], [5, 11]] {
            #expect(throws: RegistryError.self) { try restore(byteCounts) }
        }
    }

    /// The largest length of which a recipe's could be counted, and a little more.
    @Test(arguments: [Int.max / 21, Int.max / 21 + 1, Int.max, -1])
    func anImpossibleLengthOfAFileIsDamage(byteCount: Int) throws {
        let version = try save().version
        try registry.tamper("UPDATE source_file SET byte_count = ?", [byteCount])
        #expect(message { try restored(version) }?.hasSuffix("lists the affected versions") == true)
        #expect(try !registry.problems().isEmpty)
    }

    @Test func aVersionWithoutAFileGivesNoneBack() throws {
        let version = try registry.save(Checkpoint.none, as: "m", message: "")
        #expect(try restored(version.version) == nil)
        #expect(try folder.contents == ["source"])
    }

    // A slice of a large storage drags the rest of it along in a file.
    @Test func aFileThatIsMostlyNoTensorIsNotKept() throws {
        let large = try noise(3 << 20)
        try large.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: folder.file("large"))) }
        let file = try MappedFile(path: folder.file("large"))
        let storage = file.storage(of: 0..<3 << 20)
        let slice = try Tensor(storage: storage, dtype: .uint8, shape: [1000], offset: 5000)
        let source = SourceFile(
            name: "large", format: "made-up", file: file, storages: [(0..<3 << 20, storage)], metadata: [:])
        let result = try registry.save(slice, as: "m", options: SaveOptions(sourceFile: source))
        #expect(result.keepsSourceFile == false)
        #expect(result.newByteCount == 1000)
        #expect(try restored(result.version) == nil)
        #expect(try registry.load("m", as: Tensor.self).bytes == slice.bytes)
    }

    @Test func anExistingFileIsNotReplacedUnlessAsked() throws {
        let version = try save().version
        try Data("precious".utf8).write(to: URL(fileURLWithPath: folder.file("there")))
        let error = #expect(throws: FileError.self) {
            try registry.restoreSourceFile(of: version, to: folder.file("there"))
        }
        #expect(error?.description == "cannot write \"\(folder.file("there"))\": File exists")
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("there"))) == Data("precious".utf8))
        #expect(try folder.contents == ["source", "there"])
    }

    @Test func everyDamageOfTheRecipeIsFound() throws {
        let version = try save().version
        let recipe = try registry.fetch(Data.self, "SELECT recipe FROM source_file")
        for index in recipe.indices {
            var damaged = recipe
            damaged[index] ^= 0x10
            try registry.tamper("UPDATE source_file SET recipe = ?", [damaged])
            #expect(try registry.problems() == ["m:v1: the recipe of its source file does not match its hash"])
            // A hostile author hashes what he wrote.
            try registry.tamper(
                "UPDATE source_file SET content_id = ?", [Data(ContentID(hashing: [UInt8](damaged)).bytes)])
            let problems = try registry.problems()
            if let restored = try? restored(version) {
                #expect(restored == bytes, "byte \(index)")
            } else {
                #expect(problems.count == 1, "byte \(index): \(problems)")
                #expect(throws: RegistryError.self) { try restored(version) }
            }
        }
        #expect(try folder.contents.filter { $0.hasPrefix("restored.") }.isEmpty)
    }

    @Test(arguments: [0, 1, 15, 17, -1, 1 << 40, Int.max])
    func anotherLengthOfTheFileIsFound(byteCount: Int) throws {
        let version = try save().version
        try registry.tamper("UPDATE source_file SET byte_count = ?", [byteCount])
        #expect(try registry.problems().count == 1)
        #expect(throws: RegistryError.self) { try restored(version) }
        #expect(try folder.contents == ["source"])
    }

    @Test func damagedTensorsLeaveNoFileBehind() throws {
        let version = try save().version
        try registry.tamper("UPDATE chunk SET checksum = (checksum + 1) & 4294967295")
        #expect(throws: RegistryError.self) { try restored(version) }
        #expect(try folder.contents == ["source"])
    }
}
