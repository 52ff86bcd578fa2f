import Checkpoints
import ChunkStore
import Dispatch
import Foundation
import GRDB
import ModelRegistry
import Synchronization
import Tensors
import TestSupport
import Testing

struct ConcurrencyTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("models.db")
    }

    @Test func twoConnectionsSaveSharedContentAtOnce() throws {
        let registries = [try Registry(path: path, waitSeconds: 60), try Registry(path: path, waitSeconds: 60)]
        let shared = try noise(2 << 20)
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            do {
                for round in 0..<5 {
                    let state = dictionary([
                        "shared": .tensor(try noise(2 << 20)),
                        "mine": .tensor(try noise(5000, seed: UInt64(index))),
                        "round": .tensor(try noise(1000, seed: UInt64(round + 100))),
                    ])
                    try registries[index].save(state, as: round % 2 == 0 ? "even" : "odd", message: "")
                    _ = try registries[index].load("even", as: Checkpoint.self)
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        let registry = try Registry(path: path)
        #expect(try registry.versions(of: "even").map(\.number) == [6, 5, 4, 3, 2, 1])
        #expect(try registry.versions(of: "odd").map(\.number) == [4, 3, 2, 1])
        #expect(try registry.problems() == [])
        // shared twice, mine twice, five rounds.
        #expect(try registry.count("chunk") == 9)
        #expect(
            try registry.load("odd", as: Checkpoint.self, only: ["shared"]).disassembled().leaves.count == 1)
        #expect(shared.byteCount == 2 << 20)
    }

    @Test func oneRegistryServesManyThreads() throws {
        let registry = try Registry.inMemory()
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { index in
            do {
                let version = try registry.save(Tensor([Float(index)]), as: "m", message: "")
                let loaded: Tensor = try registry.load(version.version.reference)
                if loaded.scalars(as: Float.self) != [Float(index)] { throw CheckpointError.tooDeep(path: "") }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(try registry.versions(of: "m").count == 8)
    }

    // MARK: Crashes

    /// Copies the registry and its journal as they are in the middle of transactions: what a crash leaves.
    private final class CrashSimulation: TransactionObserver {
        private let path: String
        private let folder: TemporaryFolder
        private(set) var copies: [String] = []
        private var eventCount = 0

        init(path: String, folder: TemporaryFolder) {
            self.path = path
            self.folder = folder
        }

        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
        func databaseDidChange(with event: DatabaseEvent) {
            eventCount += 1
            if eventCount % 7 == 0 { copy() }
        }
        func databaseWillCommit() throws { copy() }
        func databaseDidCommit(_ db: Database) { copy() }
        func databaseDidRollback(_ db: Database) {}

        private func copy() {
            let target = folder.file("crash \(copies.count).db")
            try? FileManager.default.copyItem(atPath: path, toPath: target)
            try? FileManager.default.copyItem(atPath: path + "-journal", toPath: target + "-journal")
            copies.append(target)
        }
    }

    @Test func aCrashAtAnyInstantLeavesTheOldStateOrTheNew() throws {
        let registry = try Registry(path: path)
        let old = try noise(300_000, seed: 1)
        try registry.save(old, as: "m", message: "")
        let simulation = CrashSimulation(path: path, folder: folder)
        try registry.store.withWriter { db in
            // Little memory, so that pages reach the file before their transaction ends.
            try db.execute(sql: "PRAGMA cache_size = 4")
            db.add(transactionObserver: simulation)
        }
        let new = dictionary([
            "x": .tensor(try noise(5 << 20, seed: 2)), "old": .tensor(old),
            "y": .list((0..<30).map { .tensor(Tensor([Float($0)])) }),
        ])
        try registry.save(new, as: "m", options: SaveOptions(aliases: ["best"]))
        try registry.delete("m:v1")

        #expect(simulation.copies.count > 10)
        var numbersSeen: Set<[Int]> = []
        var journalCount = 0
        for copy in simulation.copies {
            if FileManager.default.fileExists(atPath: copy + "-journal") { journalCount += 1 }
            let crashed = try Registry(path: copy)
            let numbers = try crashed.versions(of: "m").map(\.number)
            numbersSeen.insert(numbers)
            #expect(try crashed.problems() == [], "\(copy)")
            if numbers.contains(1) { #expect(try crashed.load("m:v1", as: Tensor.self).bytes == old.bytes) }
            // Saving goes on where it was.
            #expect(
                try crashed.save(Checkpoint.none, as: "m", message: "").version.number
                    == (numbers == [1] ? 2 : 3))
            try FileManager.default.removeItem(atPath: copy)
        }
        #expect(numbersSeen == [[1], [2, 1], [2]])
        #expect(journalCount > 5)
    }
}
