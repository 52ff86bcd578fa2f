import Checkpoints
import ChunkStore
import Foundation
import GRDB
import ModelRegistry
import Tensors
import TestSupport
import Testing

/// Chunks and rows that come back from another registry.
struct ContentRepairTests {
    private let run: TrainingRun
    /// The same versions, saved without packing: other rows, packs and encodings.
    private let other: Registry

    /// Two and a half chunks for a tensor, deltas in the second.
    init() throws {
        run = try TrainingRun()
        try run.save(4)
        other = try Registry(
            path: run.folder.appending(path: "other.db").path, packsInBackground: false)
        for checkpoint in run.checkpoints.reversed() { try other.save(checkpoint, as: "elsewhere") }
    }

    private func damageAllPacks() throws {
        try run.registry.tamper("UPDATE pack SET bytes = zeroblob(length(bytes))")
    }

    @Test func allChunksComeBack() throws {
        try damageAllPacks()
        #expect(try run.registry.repair().isWhole == false)
        let report = try run.registry.repair(from: [other])
        #expect(report.isWhole && !report.repairs.isEmpty, "\(report.verification.problems)")
        // gc frees what the damaged packs took.
        try run.registry.collectGarbage()
        try run.check()
        try run.registry.pack()
        try run.check()
    }

    /// What is a difference from a damaged chunk is whole again with it, and stays a difference.
    @Test func deltasStayWhereTheirBaseComesBack() throws {
        let base = "(SELECT base FROM chunk WHERE base IS NOT NULL ORDER BY id LIMIT 1)"
        let deltaCount = try run.registry.fetch(Int.self, "SELECT count(*) FROM chunk WHERE base IS NOT NULL")
        #expect(deltaCount > 2)
        try run.registry.tamper("UPDATE chunk SET pack_offset = pack_offset + 1 WHERE id = \(base)")
        let problemCount = try run.registry.verify().problems.count
        #expect(problemCount > 1)
        let report = try run.registry.repair(from: [other])
        #expect(report.isWhole && report.repairs.count == 1, "\(report.repairs)")
        try run.check()
        // The base was a keyframe, or has become one.
        let left = try run.registry.fetch(Int.self, "SELECT count(*) FROM chunk WHERE base IS NOT NULL")
        #expect(left == deltaCount || left == deltaCount - 1)
    }

    @Test(arguments: [
        "DELETE FROM tensor_chunk WHERE ordinal = 1", "DELETE FROM tensor_chunk",
        "DELETE FROM chunk WHERE base IS NOT NULL", "DELETE FROM chunk", "DELETE FROM pack",
        "UPDATE tensor_chunk SET chunk = 1", "UPDATE chunk SET base = id WHERE base IS NOT NULL",
        "UPDATE chunk SET byte_count = 4", "UPDATE chunk SET codec = 99, pack = 4711",
        "UPDATE tensor SET dtype = 'int8', shape = '[9]'",
    ])
    func lostRowsComeBack(change: String) throws {
        try run.registry.tamper(change)
        #expect(try !run.registry.problems().isEmpty)
        let report = try run.registry.repair(from: [other])
        #expect(report.isWhole && !report.repairs.isEmpty, "\(report.verification.problems.prefix(3))")
        for number in 1...4 {
            let loaded: StateDict = try run.registry.load("m:v\(number)", verifiesHashes: true)
            #expect(
                try differences(between: run.checkpoints[number - 1].checkpoint, and: loaded.checkpoint) == [])
        }
    }

    @Test func theOtherRegistryIsOnlyRead() throws {
        try damageAllPacks()
        try other.close()
        let path = other.path
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let source = try Registry(path: path, create: false, isReadOnly: true)
        #expect(try run.registry.repair(from: [source]).isWhole)
        try source.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    /// Each has what the other lacks; neither is believed about bytes that do not match.
    @Test func severalDamagedSourcesGoTogether() throws {
        let third = try Registry(path: run.folder.appending(path: "third.db").path, packsInBackground: false)
        for checkpoint in run.checkpoints { try third.save(checkpoint, as: "m") }
        try damageAllPacks()
        try other.tamper(
            "UPDATE chunk SET pack_offset = pack_offset + 1, stored_byte_count = 9 WHERE id % 2 = 0")
        try third.tamper(
            """
            UPDATE chunk SET checksum = 0 WHERE content_id IN (
              SELECT content_id FROM chunk ORDER BY hex(content_id) LIMIT 3)
            """)
        let report = try run.registry.repair(from: [other, third])
        let lost = report.verification.problems.compactMap(\.chunk)
        #expect(report.repairs.count > 3 && Set(lost).count <= 3)
        #expect(try third.repair(from: [other]).repairs.isEmpty == false)
        #expect(try run.registry.repair(from: [other, third]).isWhole)
        try run.registry.collectGarbage()
        try run.check()
    }

    @Test func whatNoSourceHasIsStillReported() throws {
        let empty = try Registry.inMemory()
        try empty.save(Tensor([1]), as: "m")
        try damageAllPacks()
        let before = try run.registry.problems()
        let report = try run.registry.repair(from: [empty])
        #expect(!report.isWhole && report.repairs.isEmpty)
        #expect(try run.registry.problems() == before)
        #expect(throws: RegistryError.sameRegistry(path: run.registry.path)) {
            try run.registry.repair(from: [run.registry])
        }
    }

    /// Stopped after some of it: what was put right stays, and the same call goes on.
    @Test func itGoesOnWhereItWasStopped() async throws {
        try damageAllPacks()
        let before = try run.registry.problems().count
        struct Stop: Error {}
        var openCount = 0
        // Fails when the first tensor or chunk is asked for, and works when it is tried again.
        #expect(throws: Stop.self) {
            try run.registry.repair(
                supplies: [
                    {
                        openCount += 1
                        throw Stop()
                    }
                ], progress: nil)
        }
        #expect(openCount == 1)
        #expect(try run.registry.problems().count == before)
        #expect(try run.registry.repair(from: [other]).isWhole)
    }
}
