import Checkpoints
import ChunkStore
import Dispatch
import Foundations
import GRDB
import ModelRegistry
import Synchronization
import Tensors
import TestSupport
import Testing

/// Long reads keep nobody out: whatever is under way, another process saves, packs and deletes.
///
/// "Another process" is a second registry of the same file. What it does happens in the handlers of progress, while the
/// read is half done.
struct LongReaderTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let other: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("models.db"), waitSeconds: 10, packsInBackground: false)
        other = try Registry(path: folder.file("models.db"), waitSeconds: 10, packsInBackground: false)
        for seed in 1...2 as ClosedRange<UInt64> { try registry.save(weights(seed), as: "m", message: "") }
    }

    /// Forty tensors of 1 MiB.
    private func weights(_ seed: UInt64) throws -> Checkpoint {
        var dictionary = CheckpointDictionary()
        for index in 0..<40 {
            dictionary["t\(index)"] = .tensor(try noise(1 << 20, seed: seed * 100 + UInt64(index)))
        }
        return .dictionary(dictionary)
    }

    /// Calls `body` once, at the first progress of what it is passed to, and keeps what it throws. Other threads that make
    /// progress meanwhile wait, so that they are not done before it is.
    private final class Once: Sendable {
        private let state = Mutex((isDone: false, failure: nil as String?))
        private let body: @Sendable () throws -> Void

        init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }

        var handler: ProgressHandler {
            { _, _ in
                self.state.withLock { state in
                    guard !state.isDone else { return }
                    state.isDone = true
                    do { try self.body() } catch { state.failure = "\(error)" }
                }
            }
        }

        var isDone: Bool { state.withLock { $0.isDone } }
        var failure: String? { state.withLock { $0.failure } }
    }

    private func saving() -> Once {
        Once { [other] in
            try other.save(Tensor([1 as Float]), as: "beside", message: "")
            _ = try other.setAlias("best", to: "m:v1")
        }
    }

    private func expectSaved(_ once: Once) throws {
        #expect(once.isDone && once.failure == nil, "\(once.failure ?? "")")
        #expect(try registry.versions(of: "beside").count == 1)
        #expect(try registry.version("m:best").number == 1)
    }

    // Faults A1 and A14: each of these held the lock for as long as it took, so that a save beside it failed; and a
    // handler that used the registry trapped.

    @Test func saveBesideALoad() throws {
        let once = saving()
        let loaded: Checkpoint = try registry.load("m:v1", progress: once.handler)
        try expectSaved(once)
        #expect(try Manifest(of: loaded).contentID == registry.version("m:v1").contentID)
    }

    @Test func saveBesideAVerification() throws {
        let once = saving()
        let report = try registry.verify(progress: once.handler)
        try expectSaved(once)
        #expect(report.problems == [] && report.versionCount == 2)
    }

    @Test func saveBesideAnExport() throws {
        let once = saving()
        let report = try registry.archive(to: folder.file("copy.db"), progress: once.handler)
        try expectSaved(once)
        #expect(report.versionCount == 2)
        #expect(try Registry(path: folder.file("copy.db")).problems() == [])
    }

    @Test func saveBesideAMergeFromIt() throws {
        let once = saving()
        let ours = try Registry(path: folder.file("ours.db"), packsInBackground: false)
        #expect(try ours.merge(registry, progress: once.handler).added.count == 2)
        try expectSaved(once)
        #expect(try ours.problems() == [])
    }

    @Test func saveBesideAPatch() throws {
        let once = saving()
        try registry.writePatch(from: "m:v1", to: "m:v2", path: folder.file("a.patch"), progress: once.handler)
        try expectSaved(once)
    }

    @Test func askTheSameRegistryBesideALoad() throws {
        let numbers = Mutex<[Int]>([])
        let once = Once { [registry] in
            let found = try registry.versions(of: "m").map(\.number)
            numbers.withLock { $0 = found }
        }
        let _: Checkpoint = try registry.load("m:v1", progress: once.handler)
        #expect(once.failure == nil && numbers.withLock { $0 } == [2, 1])
    }

    @Test func aLoadGoesOnWherePackingMovesItsChunks() throws {
        // Close enough that packing makes differences of them.
        for step in 0..<3 {
            let tensors = (0..<24).map { index -> Checkpoint in
                let scale = Float(index + 1)
                let shift = Float(step) * 1e-3
                return .tensor(Tensor((0..<1 << 18).map { Float($0 % 977) * scale + shift }))
            }
            try registry.save(Checkpoint.list(tensors), as: "net", message: "")
        }
        let once = Once { [other] in _ = try other.pack(["net"]) }
        let loaded: Checkpoint = try registry.load("net:v1", verifiesHashes: true, progress: once.handler)
        #expect(once.isDone && once.failure == nil, "\(once.failure ?? "")")
        #expect(try registry.fetch(Int.self, "SELECT count(*) FROM chunk WHERE base IS NOT NULL") > 0)
        #expect(try Manifest(of: loaded).contentID == registry.version("net:v1").contentID)
    }

    @Test func aVersionThatIsDeletedWhileItIsReadIsSaidToBe() throws {
        let once = Once { [other] in
            try other.delete("m:v1")
            try other.collectGarbage()
            // Rows and pages are used again.
            try other.save(Tensor([2 as Float]), as: "m", message: "")
        }
        #expect(throws: RegistryError.deletedMeanwhile(version: "m:v1")) {
            let _: Checkpoint = try registry.load("m:v1", progress: once.handler)
        }
        #expect(once.isDone && once.failure == nil, "\(once.failure ?? "")")
        #expect(try registry.problems() == [])
    }

    @Test func aVersionThatIsDeletedBesideAVerificationIsNotDamage() throws {
        let once = Once { [other] in
            try other.delete("m:v1")
            try other.collectGarbage()
        }
        #expect(try registry.verify(progress: once.handler).problems == [])
        #expect(once.isDone && once.failure == nil, "\(once.failure ?? "")")
    }

    /// Fault A3: two threads that merged two registries into each other waited for each other for ever.
    @Test(arguments: [false, true]) func mergeCrosswise(inMemory: Bool) throws {
        let pair = try (0..<2).map { index in
            let registry =
                try inMemory
                ? Registry.inMemory()
                : Registry(path: folder.file("pair\(index).db"), waitSeconds: 60, packsInBackground: false)
            for round in 0..<3 {
                try registry.save(
                    noise(3 << 20, seed: UInt64(10 * index + round + 1)), as: "m\(index)", message: "")
            }
            return registry
        }
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            for _ in 0..<3 {
                do { try pair[index].merge(pair[1 - index]) } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        #expect(failures.withLock { $0 } == [])
        for registry in pair {
            #expect(try registry.models().map(\.versionCount) == [3, 3])
            #expect(try registry.problems() == [])
        }
    }

    @Test func closedRegistriesSayThatTheyAre() throws {
        try other.close()
        #expect(throws: RegistryError.closed(path: other.path)) { _ = try other.versions(of: "m") }
        #expect(throws: RegistryError.closed(path: other.path)) {
            try other.save(Tensor([1 as Float]), as: "m", message: "")
        }
        try other.close()
        #expect(try registry.versions(of: "m").count == 2)
    }

    @Test func aRegistryOpenedToBeReadIsNotWritten() throws {
        let reader = try Registry(path: registry.path, isReadOnly: true)
        #expect(reader.isReadOnly)
        #expect(try reader.versions(of: "m").count == 2)
        #expect(throws: RegistryError.readOnly(path: registry.path)) {
            try reader.save(Tensor([1 as Float]), as: "m", message: "")
        }
        #expect(throws: RegistryError.readOnly(path: registry.path)) {
            _ = try reader.setAlias("a", to: "m:v1")
        }
        let nowhere = folder.file("nowhere.db")
        #expect(throws: RegistryError.noRegistry(path: nowhere)) {
            _ = try Registry(path: nowhere, create: true, isReadOnly: true)
        }
        #expect(try folder.contents.contains("nowhere.db") == false)
    }
}
