import Checkpoints
import ChunkStore
import Foundation
import GRDB
import ModelRegistry
import OrderedCollections
import TensorCodec
import Tensors
import TestSupport
import Testing

/// Wrong bits in indexes, which say what is needed and where it is.
struct DamagedIndexTests {
    private static let indexes = [
        "parameter_by_tensor", "tensor_chunk_by_chunk", "chunk_by_pack", "chunk_by_base", "parameter_by_path",
        "version_by_structure", "attachment_by_content", "sqlite_autoindex_version_1",
        "sqlite_autoindex_model_1",
        "sqlite_autoindex_path_1", "sqlite_autoindex_tensor_1", "sqlite_autoindex_chunk_1",
        "sqlite_autoindex_structure_1",
    ]

    private let folder: TemporaryFolder
    private let path: String
    private let versionCount = 6

    /// Six versions, packed, one of them deleted.
    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("models.db")
        let registry = try Registry(path: path, packsInBackground: false)
        for step in 0..<versionCount {
            try registry.save(
                weights(step), as: "m", options: SaveOptions(attachments: ["a.json": Array("\(step)".utf8)]))
        }
        try registry.pack()
        try registry.save(Tensor([9]), as: "other")
        try registry.delete("m:v2")
        try registry.close()
    }

    private func weights(_ step: Int) -> StateDict {
        [
            "w": Tensor((0..<3000).map { Float($0 + step) / 7 }), "b": Tensor([Float(step)]),
            "same": Tensor([1, 2]),
        ]
    }

    private func isRight(_ loaded: StateDict, _ step: Int) throws -> Bool {
        try differences(between: weights(step).checkpoint, and: loaded.checkpoint).isEmpty
    }

    /// A copy of the registry with one wrong bit on the first page of an index.
    private func damaged(_ index: String, seed: Int) throws -> String {
        let copy = try DamagedFile(copying: path, to: folder.file("\(index)-\(seed).db"))
        try copy.flipBit(in: index, seed: seed)
        return copy.path
    }

    /// What nothing else hangs on does not keep a version that is deleted from going.
    @Test(arguments: [
        "UPDATE attachment_content SET bytes = x'00'",
        "UPDATE environment SET host = 'elsewhere'",
    ])
    func damageBesideTheWeightsDoesNotStopGarbageCollection(damage: String) throws {
        let registry = try Registry(path: path, packsInBackground: false)
        let changeCount = try registry.store.withWriter { db in
            try db.execute(sql: damage)
            return db.changesCount
        }
        #expect(changeCount > 0)
        try registry.delete((1...versionCount).filter { $0 != 2 }.map { "m:v\($0)" })
        #expect(try registry.collectGarbage().versionCount == versionCount)
    }

    /// The content ids of all tensors and chunks.
    private func contentIDs(_ db: Database) throws -> Set<Data> {
        Set(
            try Data.fetchAll(db, sql: "SELECT content_id FROM chunk NOT INDEXED")
                + Data.fetchAll(db, sql: "SELECT content_id FROM tensor NOT INDEXED"))
    }

    /// Those that are left once the intact registry is free of garbage.
    private func neededContentIDs() throws -> Set<Data> {
        let copy = folder.file("collected.db")
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let registry = try Registry(path: copy, packsInBackground: false)
        try registry.collectGarbage()
        return try registry.store.read(contentIDs)
    }

    @Test(arguments: indexes)
    func nothingIsLostByGarbageCollection(index: String) throws {
        for seed in 0..<12 {
            let copy = try damaged(index, seed: seed)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            let registry = try Registry(path: copy, packsInBackground: false)
            do {
                _ = try registry.collectGarbage()
                _ = try registry.pack(effort: .best)
            } catch RegistryError.damaged {}
            // The tables are whole: with new indexes everything is there.
            do {
                try registry.store.withWriter { db in try db.execute(sql: "REINDEX") }
            } catch is StoreError {
                // The index cannot even be walked through to be freed. What it should lead to is there.
                let kept = try registry.store.read { try contentIDs($0) }
                #expect(try neededContentIDs().isSubset(of: kept), "\(index), seed \(seed)")
                continue
            }
            #expect(try registry.verify().problems == [], "\(index), seed \(seed)")
            for step in 0..<versionCount where step != 1 {
                let loaded: StateDict = try registry.load("m:v\(step + 1)")
                #expect(try isRight(loaded, step), "\(index), seed \(seed), v\(step + 1)")
            }
        }
    }

    /// All that the file says, but for what is derived, is tried again, or only saves time; and for metrics of runs.
    private func facts(_ db: Database) throws -> [String] {
        let tables = try String.fetchAll(
            db,
            sql: """
                SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN
                  ('sqlite_sequence', 'grdb_migrations', 'packing_choice', 'setting', 'unfinished_write', 'run_metric')
                ORDER BY name
                """)
        let derived: Set = [
            "is_packed", "depth", "nan_count", "infinity_count", "zero_count", "minimum", "maximum", "l2_norm",
        ]
        return try tables.flatMap { table in
            try Row.fetchAll(db, sql: "SELECT * FROM \(table) NOT INDEXED").map { row in
                "\(table) \(row.filter { !derived.contains($0.0) })"
            }.sorted()
        }
    }

    @Test func noWrongBitGoesUnnoticed() throws {
        let intact = try Registry(path: path, packsInBackground: false)
        let run = try intact.startRun(model: "m", name: "r", hyperparameters: ["lr": 0.1])
        try intact.save(
            Tensor([5]), as: "m",
            options: SaveOptions(message: "a message", metrics: ["loss": 0.25], run: run.id))
        try intact.addNote("a remark", to: "m")
        try run.finish()
        try intact.setAlias("best", to: "m:v1")
        let expected = try intact.store.read(facts)
        try intact.close()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        var generator = SeededGenerator(seed: 15)
        let places = bytes.indices.filter { bytes[$0] != 0 }
        var (foundCount, missedCount) = (0, 0)
        for _ in 0..<400 {
            let place = try #require(places.randomElement(using: &generator))
            let bit = UInt8.random(in: 0..<8, using: &generator)
            let copy = folder.file("copy.db")
            var damaged = bytes
            damaged[place] ^= 1 << bit
            try damaged.write(to: URL(fileURLWithPath: copy))
            defer { try? FileManager.default.removeItem(atPath: copy) }
            guard let registry = try? Registry(path: copy, isReadOnly: true),
                let report = try? registry.verify(), report.problems.isEmpty
            else {
                foundCount += 1
                continue
            }
            missedCount += 1
            let difference = Set(try registry.store.read(facts)).symmetricDifference(expected)
            #expect(difference.isEmpty, "byte \(place), bit \(bit)")
        }
        #expect(foundCount > 100 && missedCount > 0)
    }

    @Test(arguments: indexes)
    func nobodyGetsAnotherVersion(index: String) throws {
        for seed in 0..<12 {
            let copy = try damaged(index, seed: seed)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            let registry = try Registry(path: copy, packsInBackground: false)
            for step in 0..<versionCount where step != 1 {
                guard let loaded: StateDict = try? registry.load("m:v\(step + 1)") else { continue }
                #expect(try isRight(loaded, step), "\(index), seed \(seed), v\(step + 1)")
            }
            // What is saved beside the damage is right, or refused.
            if (try? registry.save(weights(40), as: "m")) != nil,
                let loaded: StateDict = try? registry.load("m")
            {
                #expect(try isRight(loaded, 40), "\(index), seed \(seed)")
            }
        }
    }
}
