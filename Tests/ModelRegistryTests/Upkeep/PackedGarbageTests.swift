import Checkpoints
import Foundation
import GRDB
import ModelRegistry
import Tensors
import TestSupport
import Testing

/// Garbage collection where deltas depend on what goes.
struct PackedGarbageTests {
    /// 1 is a difference from 2, 2 and 3 are from 4, and 4 from 5.
    @Test(arguments: [
        ([1], [2, 2, 1, 0]), ([2], [2, 2, 1, 0]), ([4], [2, 1, 1, 0]), ([5], [2, 1, 1, 0]),
        ([2, 3], [2, 1, 0]), ([4, 5], [2, 1, 0]), ([1, 3, 5], [1, 0]), ([2, 3, 4, 5], [0]),
    ])
    func deletedBasesAreReplaced(_ deleted: [Int], depths: [Int]) throws {
        let run = try TrainingRun(weightCount: 300_000)
        try run.save(5)
        for number in deleted { try run.registry.delete("m:v\(number)") }
        let kept = (1...5).filter { !deleted.contains($0) }
        let before = try run.fileByteCount
        let promise = try run.registry.collectGarbage(dryRun: true)
        #expect(try run.fileByteCount == before)
        let report = try run.registry.collectGarbage()
        #expect(report == promise)
        #expect(try run.fileByteCount == before - report.freedByteCount)
        #expect((report.rebasedChunkCount > 0) == (deleted != [1]))
        #expect(try run.depths(of: "weight") == depths)
        try run.check(kept)
        let again = try run.registry.collectGarbage(dryRun: true)
        #expect(again.freedByteCount == 0 && again.chunkCount == 0)
    }

    @Test func theNewestVersionLeftLoadsAtFullSpeedAndIsPackedAgain() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(3)
        try run.registry.delete("m:v3")
        try run.registry.collectGarbage()
        #expect(try run.depths(of: "weight") == [1, 0])
        try run.save(1)
        #expect(try run.depths(of: "weight") == [2, 1, 0])
        try run.check([1, 2, 4])
    }

    @Test func aKeyframeInTheMiddleMayGo() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.registry.setPackingRules(PackingRules(keyframeInterval: 8))
        try run.save(12)
        try run.registry.delete("m:v8")
        let promise = try run.registry.collectGarbage(dryRun: true)
        #expect(try run.registry.collectGarbage() == promise)
        // 7 takes its place for 4 and 6.
        #expect(try run.depths(of: "weight") == [3, 2, 2, 1, 2, 1, 0, 2, 1, 1, 0])
        try run.check([1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12])
    }

    @Test func chunksThatDependOnDamagedOnesStay() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(3)
        try run.sql { db in
            try db.execute(
                sql: """
                    UPDATE chunk SET checksum = (checksum + 1) & 4294967295
                    WHERE depth = 0 AND id IN (SELECT base FROM chunk)
                    """)
        }
        try run.registry.delete("m:v3")
        try run.registry.collectGarbage()
        #expect(throws: RegistryError.self) { let _: StateDict = try run.registry.load("m:v1") }
        let fresh: StateDict = try run.registry.load("m:v1", only: ["fresh", "constant"])
        #expect(fresh.count == 2)
    }
}
