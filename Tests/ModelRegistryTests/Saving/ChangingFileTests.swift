import Checkpoints
import ChunkStore
import Foundation
import Foundations
import ModelRegistry
import OrderedCollections
import Synchronization
import Tensors
import TestSupport
import Testing

/// Files that somebody writes to while they are saved, as trainers do that write `last.ckpt` again.
///
/// A save made the id of a chunk of some bytes and its encoding of others, or ended the process with SIGBUS.
struct ChangingFileTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let path: String
    private static let tensorByteCount = 1 << 20
    /// Few enough that all chunks are named before any is encoded, and enough for each to be encoded as it is named.
    static let tensorCounts = [40, 80]

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("models.db"), packsInBackground: false)
        path = folder.file("last.ckpt")
    }

    private static func content(_ tensorCount: Int, seed: UInt64) throws -> Data {
        try noise(tensorCount * tensorByteCount, seed: seed).withUnsafeBytes { Data($0) }
    }

    /// Saves the file as tensors of 1 MiB, and calls `change` when the save is under way.
    private func save(_ tensorCount: Int, _ change: @escaping @Sendable () throws -> Void) throws -> Version {
        try Self.content(tensorCount, seed: 1).write(to: URL(fileURLWithPath: path))
        // Older than the clock's tick: a write right after this one has another time.
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: path)
        let file = try MappedFile(path: path)
        var checkpoint = CheckpointDictionary()
        var storages: [(range: Range<Int>, storage: Storage)] = []
        for index in 0..<tensorCount {
            let range = index * Self.tensorByteCount..<(index + 1) * Self.tensorByteCount
            let storage = file.storage(of: range)
            storages.append((range, storage))
            checkpoint["t\(index)"] = .tensor(try Tensor(storage: storage, dtype: .uint8, shape: [range.count]))
        }
        let source = SourceFile(name: "last.ckpt", format: "raw", file: file, storages: storages, metadata: [:])
        let failure = Mutex<(any Error)?>(nil)
        let isChanged = Mutex(false)
        let result = Result {
            try registry.save(
                Checkpoint.dictionary(checkpoint), as: "m", options: SaveOptions(sourceFile: source)
            ) { _, _ in
                isChanged.withLock { isChanged in
                    guard !isChanged else { return }
                    isChanged = true
                    do { try change() } catch { failure.withLock { $0 = error } }
                }
            }
        }
        #expect(isChanged.withLock { $0 } && failure.withLock { $0 } == nil)
        return try result.get().version
    }

    private func expectNothingSaved(
        _ tensorCount: Int, _ change: @escaping @Sendable () throws -> Void
    ) throws {
        #expect(throws: RegistryError.changedWhileSaving(path: path)) { _ = try save(tensorCount, change) }
        #expect(try registry.models().isEmpty)
        // What came in by then is what its ids say, and serves the next save.
        let version = try save(tensorCount) {}
        #expect(try registry.problems() == [])
        #expect(try registry.restoreSourceFile(of: version, to: folder.file("back")))
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: folder.file("back")))
                == Self.content(tensorCount, seed: 1))
    }

    @Test(arguments: tensorCounts) func aFileThatIsCutShortIsNotSaved(tensorCount: Int) throws {
        try expectNothingSaved(tensorCount) { [path] in
            #expect(truncate(path, 5000) == 0)
        }
    }

    @Test(arguments: tensorCounts) func aFileThatIsOverwrittenIsNotSaved(tensorCount: Int) throws {
        try expectNothingSaved(tensorCount) { [path] in
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try file.write(contentsOf: Self.content(tensorCount, seed: 2))
            try file.close()
        }
    }

    @Test(arguments: tensorCounts) func aFileThatAnotherOneReplacesIsSavedAsItWas(tensorCount: Int) throws {
        let next = folder.file("next.ckpt")
        let version = try save(tensorCount) { [path] in
            try Self.content(tensorCount, seed: 2).write(to: URL(fileURLWithPath: next))
            #expect(rename(next, path) == 0)
        }
        #expect(try registry.restoreSourceFile(of: version, to: folder.file("back")))
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: folder.file("back")))
                == Self.content(tensorCount, seed: 1))
        #expect(try registry.problems() == [])
    }

    /// Tensors in memory that are trained on while they are saved: what is saved is what its ids say, or nothing is.
    @Test func tensorsThatChangeInMemoryAreNeverDamage() throws {
        let storage = Storage(zeroedByteCount: 40 << 20)
        let tensor = try Tensor(storage: storage, dtype: .uint8, shape: [40 << 20])
        let stops = Mutex(false)
        let writer = Thread {
            var state: UInt64 = 1
            while !stops.withLock({ $0 }) {
                storage.withUnsafeMutableBytes { bytes in
                    for _ in 0..<10_000 {
                        state = state &* 6_364_136_223_846_793_005 &+ 1
                        bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
                    }
                }
            }
        }
        writer.start()
        for _ in 0..<5 {
            do {
                try registry.save(Checkpoint.tensor(tensor), as: "m", message: "")
            } catch RegistryError.changedWhileSaving(path: nil) {
                continue
            }
        }
        stops.withLock { $0 = true }
        #expect(try registry.problems() == [])
    }
}
