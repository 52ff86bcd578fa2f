import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import Synchronization
import Tensors
import TestSupport
import Testing

/// Collections of garbage while a save is under way.
struct CollectionBesideSaveTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let other: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("models.db"), packsInBackground: false)
        other = try Registry(path: folder.file("models.db"), packsInBackground: false)
    }

    /// As many MiB of numbers that do not compress to nothing.
    private func weights(_ count: Int, seed: UInt64 = 1) -> StateDict {
        let generator = RandomGenerator(seed: seed)
        var state = StateDict()
        for index in 0..<count {
            state["t\(index)"] = Tensor.randn([1 << 18], generator: generator)
        }
        return state
    }

    private func unfinishedCount() throws -> Int? {
        try registry.store.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM unfinished_write") }
    }

    @Test func collectionRemovesNothingThatASaveHasWritten() throws {
        let state = weights(80)
        let result = try registry.save(state, as: "m") { [other] _, _ in
            // Whatever it says, the save goes on.
            _ = try? other.collectGarbage()
        }
        // What was removed would have been written, and counted, again.
        #expect(result.newByteCount == 80 << 20)
        #expect(try registry.verify().problems == [])
        #expect(try unfinishedCount() == 0)
    }

    /// Chunks that are garbage when the save begins are not its own, but it relies on them.
    @Test func saveWritesAgainWhatWasGarbageWhenItBegan() throws {
        let state = weights(40)
        try registry.save(state, as: "m")
        try registry.delete("m")
        var changed = state
        changed["more"] = Tensor([1, 2, 3])
        let hasCollected = Atomic(false)
        try registry.save(changed, as: "m") { [other] _, _ in
            guard hasCollected.exchange(true, ordering: .relaxed) == false else { return }
            _ = try? other.collectGarbage()
        }
        #expect(try registry.verify().problems == [])
        let loaded: StateDict = try registry.load("m")
        #expect(loaded.count == 41)
    }

    @Test func failedSaveLeavesGarbageThatGoes() throws {
        let hasProtected = Mutex(false)
        #expect(throws: RegistryError.self) {
            try registry.save(weights(80), as: "m", options: SaveOptions(aliases: ["best"])) { [other] _, _ in
                // Others wait, so that the save is not done before.
                hasProtected.withLock { hasProtected in
                    guard !hasProtected else { return }
                    hasProtected = true
                    // The last transaction may not move the alias any more.
                    _ = try? other.save(Tensor([1]), as: "m", options: SaveOptions(aliases: ["best"]))
                    _ = try? other.protectAlias("best", of: "m")
                }
            }
        }
        #expect(try unfinishedCount() == 1)
        #expect(try registry.collectGarbage().chunkCount > 0)
        #expect(try unfinishedCount() == 0)
        #expect(try registry.collectGarbage(dryRun: true).chunkCount == 0)
    }

    @Test func rowsOfEndedAndSilentProcessesCountForNothing() throws {
        try registry.save(weights(2), as: "m")
        try registry.save(weights(2, seed: 2), as: "m")
        let myself = try #require(ProcessIdentity()).text
        let now = Timestamp.now()
        let longAgo = Timestamp.text(Date(timeIntervalSinceNow: -3601))
        let soon = Timestamp.text(Date(timeIntervalSinceNow: 3700))
        func insert(_ process: String, _ renewedAt: String) throws {
            try registry.store.write { db in
                try db.execute(
                    sql: "INSERT INTO unfinished_write (first_chunk, process, renewed_at) VALUES (1, ?, ?)",
                    arguments: [process, renewedAt])
            }
        }
        try registry.delete("m:v1")
        try insert(myself, now)
        #expect(try registry.collectGarbage().chunkCount == 0)
        #expect(try unfinishedCount() == 1)
        try registry.store.write { db in try db.execute(sql: "DELETE FROM unfinished_write") }

        let (namespace, number) = (myself.split(separator: " ")[0], getpid())
        for (process, time) in [
            ("\(namespace) \(number) 1", now), (myself, longAgo), (myself, soon), (myself, "no time"),
            ("", longAgo),
        ] {
            try insert(process, time)
        }
        // Processes elsewhere are believed for an hour.
        try insert("pid:[1] 1 1", now)
        #expect(try registry.collectGarbage().chunkCount == 0)
        #expect(try unfinishedCount() == 1)
        try registry.store.write { db in try db.execute(sql: "DELETE FROM unfinished_write") }
        #expect(try registry.collectGarbage().chunkCount == 2)
    }
}
