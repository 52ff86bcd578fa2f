import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Registries of which parts are overwritten.
struct SalvageTests {
    private let folder: TemporaryFolder
    private let path: String
    private static let versionCount = 8
    private static let pageByteCount = 16384

    /// Eight versions of one model, packed, one of another, a run, notes, aliases, attachments.
    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("models.db")
        let registry = try Registry(path: path, packsInBackground: false)
        let run = try registry.startRun(model: "m", name: "r", hyperparameters: ["lr": 0.1])
        for step in 0..<Self.versionCount {
            try registry.save(
                weights(step), as: "m",
                options: SaveOptions(
                    message: "message \(step)", metrics: ["loss": Double(step)],
                    attachments: ["a.json": Array("\(step)".utf8)], run: run.id))
        }
        try run.finish()
        try registry.pack()
        try registry.setAlias("best", to: "m:v3")
        try registry.addNote("a remark", to: "m:v3")
        try registry.save(Tensor([9]), as: "other/name")
        try registry.delete("m:v2")
        try registry.close()
    }

    private func weights(_ step: Int) -> StateDict {
        var generator = SeededGenerator(seed: 1)
        var weights: StateDict = [:]
        for index in 0..<40 {
            let offset = index % 4 == 0 ? Float(step) / 1024 : 0
            weights["layer.\(index).weight"] = Tensor(
                (0..<2000).map { _ in Float.random(in: -1...1, using: &generator) + offset })
        }
        return weights
    }

    private func overwrite(_ change: (inout [UInt8]) throws -> Void) throws -> String {
        let copy = folder.file("damaged.db")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        try change(&bytes)
        try Data(bytes).write(to: URL(fileURLWithPath: copy))
        return copy
    }

    private func overwrite(page: Int, with fill: (Int) -> UInt8 = { _ in 0 }) throws -> String {
        try overwrite { bytes in
            for index in 0..<Self.pageByteCount { bytes[(page - 1) * Self.pageByteCount + index] = fill(index) }
        }
    }

    /// Takes out what is whole, and checks that it is what was saved.
    ///
    /// - Returns: The number of tensors of living versions of "m" that are there.
    private func salvage(_ damaged: String) throws -> (SalvageReport, tensorCount: Int) {
        let rescued = folder.file("rescued.db")
        let before = try Data(contentsOf: URL(fileURLWithPath: damaged))
        let report = try Registry.salvage(damaged, to: rescued, mayReplace: true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: damaged)) == before)
        let registry = try Registry(path: rescued, packsInBackground: false)
        #expect(try registry.verify().problems == [])
        var tensorCount = 0
        for model in try registry.models().map(\.name) {
            for version in try registry.versions(of: model) {
                let expected = version.model == "other/name" ? nil : weights(version.number - 1)
                // One version may have lost other things, too.
                let dropped = Set(
                    report.losses.filter { $0.version == version.reference }.flatMap(\.paths))
                #expect(dropped.count == version.droppedTensorCount)
                guard let expected, version.droppedTensorCount < version.tensorCount else { continue }
                let kept = expected.names.filter { !dropped.contains($0) }
                let loaded: StateDict = try registry.load(version.reference, only: kept)
                #expect(loaded.names == kept)
                for (name, tensor) in loaded {
                    tensorCount += 1
                    #expect(tensor.bytes == expected[name]?.bytes, "\(version.reference), \(name)")
                }
            }
        }
        // More can be saved.
        try registry.save(Tensor([1, 2]), as: "m")
        #expect(try registry.verify().problems == [])
        return (report, tensorCount)
    }

    private static let tensorCount = (versionCount - 1) * 40

    @Test func aWholeRegistryComesOutWhole() throws {
        let rescued = folder.file("rescued.db")
        let report = try Registry.salvage(path, to: rescued)
        #expect(report.losses == [] && report.damagedPageCount == 0 && report.damagedRowCount == 0)
        #expect(report.versionCount == Self.versionCount && report.runCount == 1)
        // What gc removes and what a new file has of its own aside, the rows are the same.
        let original = try Registry(path: path, packsInBackground: false)
        try original.collectGarbage()
        let registry = try Registry(path: rescued, isReadOnly: true)
        for table in [
            "model", "version", "parameter", "tensor", "metric", "note", "alias", "run", "attachment", "path",
        ] {
            let rows = try [original, registry].map { registry in
                try registry.store.read { db in
                    try Row.fetchAll(db, sql: "SELECT * FROM \(table)").map(\.description).sorted()
                }
            }
            #expect(rows[0] == rows[1] && !rows[0].isEmpty, "\(table): \(rows)")
        }
    }

    @Test func nothingButTheHeaderIsLostWithTheFirstPage() throws {
        let (report, tensorCount) = try salvage(try overwrite(page: 1))
        #expect(report.losses == [] && tensorCount == Self.tensorCount)
    }

    /// Every page in turn.
    @Test func oneLostPageCostsLittle() throws {
        let pageCount = try Data(contentsOf: URL(fileURLWithPath: path)).count / Self.pageByteCount
        var (lostTensors, refused) = (0, 0)
        for page in 1...pageCount {
            do {
                let (report, tensorCount) = try salvage(try overwrite(page: page))
                lostTensors += Self.tensorCount - tensorCount
                if tensorCount < Self.tensorCount { #expect(!report.losses.isEmpty, "page \(page)") }
            } catch RegistryError.damaged {
                refused += 1
            }
        }
        // The tables of tensors and structures are on one page each here: without them nothing has a name.
        #expect(refused <= 4, "\(refused) of \(pageCount) pages")
        #expect(
            lostTensors < Self.tensorCount * pageCount / 4, "\(lostTensors) of \(Self.tensorCount * pageCount)")
    }

    @Test func noiseIsNoTrap() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<15 {
            let damaged = try overwrite { bytes in
                for _ in 0..<Int.random(in: 1...40, using: &generator) {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes[place] = .random(in: 0...255, using: &generator)
                }
            }
            do { _ = try salvage(damaged) } catch RegistryError.damaged {}
        }
    }

    @Test func aTruncatedFileGivesWhatItHas() throws {
        let damaged = try overwrite {
            $0.removeLast($0.count / 3 / Self.pageByteCount * Self.pageByteCount + 100)
        }
        do { _ = try salvage(damaged) } catch RegistryError.damaged {}
    }

    /// The rows of versions have a second copy in an index, and the names of leaves in the structure.
    @Test(arguments: ["version", "model", "path", "tensor_chunk", "note", "alias"])
    func aLostTableIsRestoredFromItsIndex(table: String) throws {
        let root = try rootPage(table)
        let (report, tensorCount) = try salvage(try overwrite(page: root))
        #expect(report.losses == [] && tensorCount == Self.tensorCount)
        #expect(report.restoredRowCount > 0)
        let registry = try Registry(path: folder.file("rescued.db"), isReadOnly: true)
        #expect(try registry.notes(of: registry.version("m:v3")).map(\.text) == ["a remark"])
        #expect(try registry.version("m:best").number == 3)
        #expect(try registry.version("m:v3").message == "message 2")
    }

    private func rootPage(_ name: String) throws -> Int {
        let queue = try DatabaseQueue(path: path)
        let page = try queue.read { db in
            try Int.fetchOne(db, sql: "SELECT rootpage FROM sqlite_master WHERE name = ?", arguments: [name])
        }
        return try #require(page)
    }

    /// A save that was interrupted has left a journal: what it had written is not there.
    @Test func anInterruptedTransactionIsRolledBack() throws {
        let queue = try DatabaseQueue(path: path)
        let damaged = folder.file("damaged.db")
        try queue.inDatabase { db in
            try db.execute(sql: "PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN IMMEDIATE")
            try db.execute(
                sql: "UPDATE version SET message = 'unfinished'; UPDATE pack SET bytes = zeroblob(byte_count)")
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: damaged + suffix)
            }
            try db.execute(sql: "ROLLBACK")
        }
        let rescued = folder.file("rescued.db")
        let report = try Registry.salvage(damaged, to: rescued)
        #expect(report.losses == [])
        #expect(try Registry(path: rescued, isReadOnly: true).version("m:v3").message == "message 2")
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix(".") }
        #expect(left == [])
    }

    /// Changes a copy of the registry by SQL.
    private func changed(_ sql: String) throws -> String {
        let copy = folder.file("damaged.db")
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        let queue = try DatabaseQueue(path: copy)
        try queue.inDatabase { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            try db.execute(sql: sql)
            #expect(db.changesCount > 0)
        }
        return copy
    }

    @Test func theDamagedFileIsNoTarget() throws {
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let link = folder.file("link.db")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        for target in [path, link] {
            #expect(throws: RegistryError.sameRegistry(path: target)) {
                try Registry.salvage(path, to: target, mayReplace: true)
            }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    /// What nothing of the weights hangs on.
    @Test(arguments: [
        "INSERT INTO attribute (version, source, ordinal, key, value) VALUES (3, 'user', 9, 'k', '{')",
        "UPDATE version SET created_at = 'then' WHERE number = 3",
    ])
    func aWrongFactGoesAlone(damage: String) throws {
        let (report, tensorCount) = try salvage(try changed(damage))
        #expect(tensorCount == Self.tensorCount && report.versionCount == Self.versionCount)
        #expect(report.losses.map(\.version) == ["m:v3"])
    }

    /// The table's row can be read and is impossible; the index has it as it was.
    @Test func aRowThatIsRefusedComesFromItsIndex() throws {
        let page = try rootPage("version")
        let damaged = try overwrite { bytes in
            let range = (page - 1) * Self.pageByteCount..<page * Self.pageByteCount
            let place = try #require(range.first { bytes[$0...].starts(with: "state_dict".utf8) })
            bytes[place] = UInt8(ascii: "S")
        }
        let (report, tensorCount) = try salvage(damaged)
        #expect(report.losses == [] && report.damagedRowCount == 1 && report.restoredRowCount == 1)
        #expect(tensorCount == Self.tensorCount)
    }

    /// Two structures have the name, and one of them is lost.
    @Test func namesComeBackFromAnyStructure() throws {
        let registry = try Registry(path: path, packsInBackground: false)
        let kept: StateDict = ["layer.0.weight": Tensor([1, 2]), "more": Tensor([3])]
        try registry.save(kept, as: "z")
        try registry.close()
        let damaged = try changed(
            """
            DELETE FROM path WHERE text = 'layer.0.weight';
            DELETE FROM structure WHERE id = (SELECT structure FROM version WHERE number = 1 AND model = 1)
            """)
        let rescued = folder.file("rescued.db")
        let report = try Registry.salvage(damaged, to: rescued)
        #expect(report.versionCount == 2 && report.losses.count == Self.versionCount - 1)
        let new = try Registry(path: rescued, isReadOnly: true)
        #expect(try new.verify().problems == [])
        let loaded: StateDict = try new.load("z")
        #expect(try differences(between: kept.checkpoint, and: loaded.checkpoint).isEmpty)
    }

    /// A lone view's content id is made of its elements, and not of where they are: rows alone do not tell.
    @Test func aViewOfOtherElementsIsDropped() throws {
        let registry = try Registry(path: path, packsInBackground: false)
        let matrix = Tensor((0..<24).map { Float($0) }, shape: [4, 6])
        try registry.save(["a": matrix.transposed(0, 1), "b": matrix + matrix] as StateDict, as: "view")
        try registry.close()
        let damaged = try changed(
            "UPDATE parameter SET view_strides = '[1,3]' WHERE view_strides IS NOT NULL AND storage IS NULL")
        let rescued = folder.file("rescued.db")
        let report = try Registry.salvage(damaged, to: rescued)
        #expect(report.losses.map(\.version) == ["view:v1"] && report.losses.map(\.paths) == [["a"]])
        let new = try Registry(path: rescued, isReadOnly: true)
        #expect(try new.verify().problems == [])
        let loaded: StateDict = try new.load("view", only: ["b"])
        #expect(loaded["b"]?.bytes == (matrix + matrix).bytes)
    }

    @Test func otherFilesAreRefused() throws {
        let other = folder.file("other.db")
        try Data(repeating: 7, count: 100_000).write(to: URL(fileURLWithPath: other))
        let rescued = folder.file("rescued.db")
        #expect(throws: RegistryError.self) { try Registry.salvage(other, to: rescued) }
        #expect(throws: FileError.self) { try Registry.salvage(folder.file("missing.db"), to: rescued) }
        #expect(!FileManager.default.fileExists(atPath: rescued))
        #expect(throws: FileError.self) { try Registry.salvage(path, to: other) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: other)).count == 100_000)
    }
}
