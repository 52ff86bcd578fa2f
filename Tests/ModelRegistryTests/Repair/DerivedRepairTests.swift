import Checkpoints
import ChunkStore
import GRDB
import ModelRegistry
import Tensors
import Testing

/// Columns that follow from other rows.
struct DerivedRepairTests {
    private let run: TrainingRun

    init() throws {
        run = try TrainingRun(weightCount: 5000)
        try run.save(4)
    }

    static let changes = [
        "UPDATE version SET kind = 'list'", "UPDATE version SET kind = 'galaxy'",
        "UPDATE version SET tensor_count = 7", "UPDATE version SET byte_count = 0 WHERE number = 2",
        "UPDATE model SET next_number = 2", "UPDATE pack SET byte_count = byte_count + 1",
        "UPDATE chunk SET depth = 3 WHERE base IS NOT NULL", "UPDATE chunk SET depth = 1 WHERE base IS NULL",
        "UPDATE chunk SET checksum = 5", "UPDATE tensor SET byte_count = 3",
    ]

    @Test(arguments: changes) func areComputedAnew(change: String) throws {
        try run.registry.tamper(change)
        // Found before it is mended: what is mended unseen would be a surprise.
        #expect((try? run.registry.verify().problems) != [])
        let report = try run.registry.repair()
        #expect(report.isWhole && !report.repairs.isEmpty, "\(report)")
        try run.check()
        #expect(try run.registry.repair().repairs == [])
        try run.save(1)
        try run.check()
    }

    /// A number that the diary knows is not used again, even where no version has it any more.
    @Test func numbersAreNotUsedAgain() throws {
        try run.registry.delete("m:v4")
        try run.registry.collectGarbage()
        try run.registry.tamper("UPDATE model SET next_number = 2")
        #expect(try run.registry.repair().isWhole)
        #expect(try run.registry.save(Tensor([1]), as: "m").version.number == 5)
    }

    /// Rows that do not match their content id prove nothing.
    @Test func nothingIsComputedFromRowsThatAreWrong() throws {
        try run.registry.tamper("DELETE FROM parameter WHERE version = 2 AND ordinal = 0")
        try run.registry.tamper("UPDATE version SET tensor_count = 9 WHERE id = 2")
        let report = try run.registry.repair()
        #expect(!report.isWhole && report.repairs.isEmpty)
        #expect(try run.registry.fetch(Int.self, "SELECT tensor_count FROM version WHERE id = 2") == 9)
    }

    /// A checksum is not written for bytes that are wrong.
    @Test func aChecksumIsNotMadeForOtherBytes() throws {
        try run.registry.tamper("UPDATE chunk SET codec = 0, base = NULL, depth = 0 WHERE base IS NOT NULL")
        let checksums = {
            try run.registry.store.read { try Int.fetchAll($0, sql: "SELECT checksum FROM chunk") }
        }
        let before = try checksums()
        #expect(try !run.registry.repair().isWhole)
        #expect(try checksums() == before)
    }
}
