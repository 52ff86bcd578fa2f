import Checkpoints
import Foundations
import GRDB
import ModelRegistry
import Tensors
import TestSupport
import Testing

/// Loading some rows of a tensor.
struct LoadRowsTests {
    private let run: TrainingRun
    private let table: Tensor

    init() throws {
        run = try TrainingRun()
        // Three and a bit chunks; rows that do not begin at chunks.
        table = Tensor((0..<900_000).map { Float($0) }, shape: [3000, 300])
        let value: StateDict = [
            "table": table,
            "columns": try Tensor(
                storage: table.storage, dtype: .float32, shape: [300, 3000], strides: [1, 300]),
        ]
        try run.registry.save(value, as: "t", message: "")
    }

    @Test(arguments: [0..<1, 0..<3000, 870..<880, 2999..<3000, 17..<17, 100..<2500])
    func rowsAreThoseOfTheTensor(_ rows: Range<Int>) throws {
        let part = try run.registry.load("t", path: "table", rows: rows)
        #expect(part.shape == [rows.count, 300] && part.isContiguous)
        #expect(part.bytes == Array(table.bytes[rows.lowerBound * 1200..<rows.upperBound * 1200]))
    }

    @Test func rowsOfAViewWithItsAxesInAnotherOrder() throws {
        let part = try run.registry.load("t", path: "columns", rows: 5..<7)
        let expected = (5..<7).flatMap { column in (0..<3000).map { Float($0 * 300 + column) } }
        #expect(part.bytes == Tensor(expected).bytes)
    }

    @Test func rowsOfPackedVersions() throws {
        try run.save(4)
        let whole = try #require(run.checkpoints[0]["weight"])
        let part = try run.registry.load("m:v1", path: "weight", rows: 262_140..<262_150, verifiesHashes: true)
        #expect(part.bytes == Array(whole.bytes[262_140 * 4..<262_150 * 4]))
    }

    @Test func onlyTheChunksConcernedAreRead() throws {
        try run.sql { db in
            try db.execute(
                sql: """
                    UPDATE chunk SET checksum = 0 WHERE id IN (SELECT chunk FROM tensor_chunk WHERE ordinal <> 1)
                    """)
        }
        _ = try run.registry.load("t", path: "table", rows: 880..<1700)
        #expect(throws: RegistryError.self) { try run.registry.load("t", path: "table", rows: 800..<1700) }
    }

    @Test func wrongRowsAndPathsAreExplained() throws {
        func message(_ path: String, _ rows: Range<Int>) -> String? {
            do {
                _ = try run.registry.load("t", path: path, rows: rows)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(message("table", 2999..<3001) == #"rows 2999:3001 of "table": its shape is [3000, 300]"#)
        #expect(message("table", -1..<1) == #"rows -1:1 of "table": its shape is [3000, 300]"#)
        #expect(
            message("tabel", 0..<1) == #"nothing in the checkpoint matches "tabel" (did you mean "table"?)"#)
    }
}
