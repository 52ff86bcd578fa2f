import Checkpoints
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct SourceFolderTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let files = [("a", [1, 2, 3, 4, 5] as [UInt8]), ("b/c", []), ("b/d", [6, 7, 8])]

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry.inMemory()
    }

    /// Saves files, of each of which the bytes but the first and last are a tensor.
    private func save(_ files: [(String, [UInt8])]) throws -> Version {
        var tensors = CheckpointDictionary()
        var sources: [(name: String, file: MappedFile, storages: [(range: Range<Int>, storage: Storage)])] = []
        for (index, (name, bytes)) in files.enumerated() {
            try Data(bytes).write(to: URL(fileURLWithPath: folder.file("\(index)")))
            let file = try MappedFile(path: folder.file("\(index)"))
            guard bytes.count > 2 else {
                sources.append((name, file, []))
                continue
            }
            let storage = file.storage(of: 1..<bytes.count - 1)
            tensors["\(index)"] = .tensor(
                try Tensor(storage: storage, dtype: .uint8, shape: [bytes.count - 2]))
            sources.append((name, file, [(1..<bytes.count - 1, storage)]))
        }
        let source = SourceFile(folder: "f", files: sources, metadata: [:])
        return try registry.save(
            Checkpoint.dictionary(tensors), as: "m", options: SaveOptions(sourceFile: source)
        ).version
    }

    @Test func eachFileIsGivenBackByteForByte() throws {
        let source = try #require(try registry.sourceFolder(of: save(files)))
        #expect(source.name == "f" && source.files.map(\.name) == ["a", "b/c", "b/d"])
        #expect(source.files.map(\.byteCount) == [5, 0, 3])
        for (index, file) in files.enumerated() {
            try source.restore(index, to: folder.file("back"), mayReplace: true, verifiesHashes: true)
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("back"))) == Data(file.1))
        }
        #expect(try registry.problems() == [])
    }

    @Test func aVersionOfOneFileHasNoFolder() throws {
        let version = try registry.save(Checkpoint.none, as: "m", message: "").version
        #expect(try registry.sourceFolder(of: version) == nil)
    }

    // The list of files comes from a registry, which may be anybody's.
    @Test(arguments: [["../a"], ["/a"], ["a/../../b"], [""], ["a", "a"], ["a", "a/b"], ["a\0b"]])
    func namesThatLeadElsewhereAreDamage(names: [String]) throws {
        let version = try save(names.map { ($0, [1, 2, 3]) })
        let text = message { try registry.sourceFolder(of: version) }
        #expect(
            text?.hasPrefix("m:v1: the list of the files of its folder is damaged") == true,
            "\(text ?? "nothing")")
        #expect(try !registry.problems().isEmpty)
    }

    @Test func everyDamageOfTheListIsFoundOrHarmless() throws {
        let version = try save(files)
        let recipe = try registry.fetch(Data.self, "SELECT recipe FROM source_file")
        let plain = try #require(Zlib.decompressed([UInt8](recipe), limit: 1000))
        for index in plain.indices {
            for bit in [1, 0x10, 0x80] as [UInt8] {
                var damaged = plain
                damaged[index] ^= bit
                let stored = Zlib.compressed(damaged)
                try registry.tamper(
                    "UPDATE source_file SET recipe = ?, content_id = ?",
                    [Data(stored), Data(ContentID(hashing: stored).bytes)])
                do {
                    guard let source = try registry.sourceFolder(of: version) else { continue }
                    #expect(source.files.reduce(0) { $0 + $1.byteCount } == 8)
                    for index in source.files.indices {
                        try source.restore(index, to: folder.file("back"), mayReplace: true)
                    }
                } catch {
                    #expect(error is RegistryError, "\(error)")
                }
            }
        }
    }
}
