import Checkpoints
import Foundation
import Foundations
import GRDB
import ModelRegistry
import TensorCodec
import Tensors
import TestSupport
import Testing

/// Damage in chains of deltas: an error that names version, tensor and chunk; what does not depend on it loads.
struct DamagedDeltaTests {
    private let run: TrainingRun

    init() throws {
        run = try TrainingRun(weightCount: 5000)
        try run.save(3)
    }

    /// The row of the first chunk of `weight` in a version.
    private static func chunk(_ version: Int) -> String {
        """
        (SELECT chunk FROM tensor_chunk JOIN parameter ON parameter.tensor = tensor_chunk.tensor
         JOIN path ON path.id = parameter.path WHERE path.text = 'weight' AND parameter.version = \(version))
        """
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let sql: String
        let problem: String
        var testDescription: String { problem }

        init(_ sql: String, _ problem: String) {
            self.sql = sql
            self.problem = problem
        }
    }

    static let cases = [
        Case(
            "UPDATE chunk SET base = \(chunk(1)) WHERE id = \(chunk(3))",
            "its deltas form a cycle or are too deep"),
        Case(
            "UPDATE chunk SET base = \(chunk(1)) WHERE id = \(chunk(1))",
            "its deltas form a cycle or are too deep"),
        Case(
            "UPDATE chunk SET base = 999 WHERE id = \(chunk(1))", "the chunk that it is a delta from is missing"
        ),
        Case("UPDATE chunk SET base = NULL WHERE id = \(chunk(1))", "base"),
        Case("UPDATE chunk SET codec = 77 WHERE id = \(chunk(1))", "codec 77"),
        Case(
            "UPDATE chunk SET stored_byte_count = stored_byte_count - 1 WHERE id = \(chunk(1))", ""),
        Case(
            "UPDATE chunk SET stored_byte_count = stored_byte_count + 1 WHERE id = \(chunk(1))", ""),
        Case("UPDATE chunk SET byte_count = byte_count - 4 WHERE id = \(chunk(1))", "it has the wrong length"),
        Case(
            "UPDATE chunk SET base = (SELECT id FROM chunk WHERE byte_count <> 20000 LIMIT 1) WHERE id = \(chunk(1))",
            ""),
        Case("UPDATE chunk SET pack = 999 WHERE id = \(chunk(2))", "its pack is missing"),
        Case("UPDATE chunk SET checksum = 0 WHERE id = \(chunk(2))", "its checksum does not match"),
    ]

    @Test(arguments: cases) func damageIsNamedAndOtherTensorsLoad(_ damage: Case) throws {
        try run.sql { db in try db.execute(sql: damage.sql) }
        do {
            let _: StateDict = try run.registry.load("m:v1")
            Issue.record("damage was not noticed")
        } catch RegistryError.damaged(let found) {
            #expect(found.version == "m:v1" && found.path == "weight" && found.chunk != nil)
            #expect(damage.problem.isEmpty || found.problem.contains(damage.problem), "\(found)")
        }
        let others: StateDict = try run.registry.load("m:v1", only: ["fresh", "constant"])
        #expect(others["fresh"]?.bytes == run.checkpoints[0]["fresh"]?.bytes)
        #expect(try !run.registry.verify().problems.isEmpty)
    }

    /// Every bit of a delta's row in its pack: an error or, where the coder does not use the bit, the right data.
    @Test func flippedBitsOfADeltaAreNeverWrongData() throws {
        let original = try #require(run.checkpoints[0]["weight"]).bytes
        let (pack, offset, count) = try run.sql { db in
            let row = try #require(
                try Row.fetchOne(
                    db,
                    sql: "SELECT pack, pack_offset, stored_byte_count FROM chunk WHERE id = \(Self.chunk(1))"))
            return (row["pack"] as Int64, row["pack_offset"] as Int, row["stored_byte_count"] as Int)
        }
        let bytes = try run.sql { db in
            try #require(try Data.fetchOne(db, sql: "SELECT bytes FROM pack WHERE id = ?", arguments: [pack]))
        }
        var generator = SeededGenerator(seed: 7)
        var errorCount = 0
        for trial in 0..<300 {
            // The head of the chunk in full, the rest at random.
            let bit = trial < 150 ? trial : generator.number(in: 0...count * 8 - 1)
            var damaged = bytes
            damaged[damaged.startIndex + offset + bit / 8] ^= 1 << (bit % 8)
            try run.sql { db in
                try db.execute(sql: "UPDATE pack SET bytes = ? WHERE id = ?", arguments: [damaged, pack])
            }
            do {
                let loaded: StateDict = try run.registry.load("m:v1", only: ["weight"])
                #expect(loaded["weight"]?.bytes == original, "bit \(bit)")
            } catch RegistryError.damaged(let found) {
                #expect(found.path == "weight" && found.chunk != nil)
                errorCount += 1
            }
        }
        #expect(errorCount >= 290)
    }

    @Test func packingLeavesDamagedChunksAlone() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(3, packs: false)
        try run.sql { db in try db.execute(sql: "UPDATE chunk SET checksum = 0 WHERE id = \(Self.chunk(2))") }
        try run.registry.pack()
        #expect(try run.depths(of: "weight") == [0, 0, 0])
        #expect(try run.depths(of: "bias") == [2, 1, 0])
        try #require(throws: RegistryError.self) { let _: StateDict = try run.registry.load("m:v2") }
        let first: StateDict = try run.registry.load("m:v1")
        #expect(first["weight"]?.bytes == run.checkpoints[0]["weight"]?.bytes)
    }

    /// A negative one ended the process; the chunks themselves are sound.
    @Test(arguments: [-1, 0, 3, Int.max]) func packingBearsLengthsThatCannotBe(byteCount: Int) throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(2, packs: false)
        try run.sql { db in
            try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
            try db.execute(sql: "UPDATE tensor SET byte_count = ?", arguments: [byteCount])
        }
        for effort in [EncodingEffort.fast, .best] { try run.registry.pack(effort: effort) }
        try #require(throws: RegistryError.self) { let _: StateDict = try run.registry.load("m:v1") }
        #expect(try !run.registry.verify().problems.isEmpty)
    }
}
