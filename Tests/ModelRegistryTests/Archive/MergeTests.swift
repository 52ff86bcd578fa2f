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

struct MergeTests {
    private let folder: TemporaryFolder
    private let ours: Registry
    private let theirs: Registry

    init() throws {
        folder = try TemporaryFolder()
        ours = try Registry(path: folder.file("ours.db"), packsInBackground: false)
        theirs = try Registry(path: folder.file("theirs.db"), packsInBackground: false)
    }

    private func save(_ value: Float, in registry: Registry, as model: String = "m") throws {
        try registry.save(["w": Tensor([value, 2, 3])], as: model, message: "\(value)")
        try registry.setTimeOfLatestVersion()
    }

    private func log(_ registry: Registry, _ model: String = "m") throws -> [String] {
        try registry.versions(of: model).map { "\($0.reference) \($0.message)" }
    }

    @Test func versionsWithTheSameNumberComeInAfterOurs() throws {
        for value in 1...2 { try save(Float(value), in: ours) }
        for value in 3...5 { try save(Float(value), in: theirs) }
        try save(6, in: theirs, as: "only-theirs")
        try theirs.delete("m:v2")
        let report = try ours.merge(theirs)
        #expect(
            report.added.map { "\($0.theirs) \($0.ours)" } == [
                "m:v1 m:v3", "m:v3 m:v4", "only-theirs:v1 only-theirs:v1",
            ])
        #expect(try log(ours) == ["m:v4 5.0", "m:v3 3.0", "m:v2 2.0", "m:v1 1.0"])
        #expect(try ours.version("m:v4").parent == nil)
        #expect(
            try ours.details(of: ours.version("m:v3")).attributes.map { "\($0.key)=\($0.value.json)" } == [
                "original_version=1"
            ])
        let loaded: StateDict = try ours.load("m:v4", verifiesHashes: true)
        #expect(loaded["w"]?.scalars(as: Float.self) == [5, 2, 3])
        #expect(try ours.verify().problems.isEmpty)
    }

    @Test func mergingAgainChangesNothing() throws {
        try save(1, in: ours)
        try save(2, in: theirs)
        let run = try theirs.startRun(model: "m", name: "r", hyperparameters: ["lr": 1])
        for step in 0..<100 { run.log(["loss": Double(step)], step: step) }
        try run.note("hello")
        try run.attach([1, 2, 3], named: "a.bin")
        try run.finish()
        try theirs.addNote("good", to: "m")
        try ours.merge(theirs)
        let tables = [
            "version", "run", "run_metric", "run_attribute", "run_attachment", "note", "metric", "attribute",
            "lineage",
            "chunk", "tensor", "environment", "alias", "attachment_content",
        ]
        let counts = try tables.map { try ours.count($0) }
        let again = try ours.merge(theirs)
        #expect(again.added.isEmpty && again.sameCount == 1 && again.addedRuns.isEmpty && again.chunkCount == 0)
        #expect(try tables.map { try ours.count($0) } == counts)
        // And back: all of ours that they have is the same.
        #expect(try theirs.merge(ours).added.map(\.theirs) == ["m:v1"])
        #expect(try log(theirs) == ["m:v2 1.0", "m:v1 2.0"])
    }

    @Test func everythingAboutAVersionComesAlong() throws {
        try save(1, in: theirs, as: "base")
        let run = try theirs.startRun(model: "m", name: "r", hyperparameters: ["lr": 0.5])
        var options = SaveOptions(
            message: "all", aliases: ["best"], metrics: ["loss": .nan, "acc": 0.5], attributes: ["k": [1]],
            parent: "base:v1", attachments: ["c.json": Array("{}".utf8)], run: run.id, step: 3)
        options.environment = RunEnvironment(host: "h", command: ["x"], packages: ["torch": "2"])
        let tied = Tensor([Float(1), 2, 3, 4], shape: [2, 2])
        try theirs.save(
            dictionary([
                "a": .tensor(tied), "b": .tensor(tied), "t": .tensor(tied.transposed()), "epoch": .integer(4),
                "nan": .number(.nan), "s": .string("x"),
            ]), as: "m", options: options)
        try theirs.protectAlias("best", of: "m", isProtected: true)
        try theirs.addNote("note", to: "m")
        try ours.merge(theirs)

        let (mine, other) = (try ours.version("m:best"), try theirs.version("m:best"))
        #expect(
            mine.contentID == other.contentID && mine.parent == "base:v1" && mine.run == "m/r" && mine.step == 3
        )
        #expect(
            mine.metrics["acc"] == 0.5 && mine.metrics["loss"]?.isNaN == true
                && mine.createdAt == other.createdAt)
        #expect(try ours.details(of: mine) == theirs.details(of: other))
        #expect(try ours.attachment("c.json", of: mine) == Array("{}".utf8))
        #expect(try ours.environment(of: mine) == options.environment)
        #expect(try ours.notes(of: mine) == theirs.notes(of: other))
        #expect(try ours.lineage(of: mine) == theirs.lineage(of: other))
        #expect(try ours.aliases(of: "m").map(\.isProtected) == [true])
        let loaded: Checkpoint = try ours.load("m", as: Checkpoint.self)
        #expect(try differences(between: theirs.load("m", as: Checkpoint.self), and: loaded) == [])
        #expect(try ours.verify().problems.isEmpty)
    }

    @Test func conflictsOfAliasesAreSaid() throws {
        try save(1, in: ours)
        try save(2, in: theirs)
        try ours.setAlias("best", to: "m:v1")
        try theirs.setAlias("best", to: "m:v1")
        try theirs.setAlias("new", to: "m:v1")
        let rehearsal = try ours.merge(theirs, options: MergeOptions(dryRun: true))
        #expect(try ours.versions(of: "m").count == 1)
        var report = try ours.merge(theirs)
        #expect(rehearsal == report)
        let conflict = try #require(report.conflicts.first)
        #expect(
            conflict.alias == "m:best" && conflict.ours == "m:v1" && conflict.theirs == "m:v2"
                && !conflict.isTheirs)
        #expect(report.aliases == ["m:new"])
        #expect(try ours.version("m:best").number == 1)
        report = try ours.merge(theirs, options: MergeOptions(prefersTheirs: true))
        #expect(report.conflicts.map(\.isTheirs) == [true])
        #expect(try ours.version("m:best").number == 2)
        // A protected alias stays.
        try ours.setAlias("best", to: "m:v1")
        try ours.protectAlias("best", of: "m", isProtected: true)
        report = try ours.merge(theirs, options: MergeOptions(prefersTheirs: true))
        #expect(report.conflicts.map(\.isTheirs) == [false])
    }

    @Test func runsOfOneNameStayApart() throws {
        let first = try ours.startRun(model: "m", name: "r")
        first.log(["loss": 1], step: 0)
        try first.finish()
        try ours.tamper("UPDATE run SET started_at = '2026-01-01T00:00:00.000Z'")
        let second = try theirs.startRun(model: "m", name: "r")
        second.log(["loss": 2], step: 0)
        try second.flush()
        try theirs.tamper("UPDATE run SET heard_at = started_at, started_at = '2026-01-02T00:00:00.000Z'")
        #expect(try ours.merge(theirs, options: MergeOptions(dryRun: true)).addedRuns == ["m/r-2"])
        #expect(try ours.merge(theirs).addedRuns == ["m/r-2"])
        #expect(try ours.metric("loss", ofRun: first.id).map(\.value) == [1])
        // It went on there: what is newer comes in, and nothing twice.
        try theirs.tamper("UPDATE run SET heard_at = '2026-01-02T00:00:01.000Z'")
        try ours.tamper("UPDATE run SET heard_at = '2026-01-02T00:00:01.000Z' WHERE name = 'r-2'")
        second.log(["loss": 3], step: 0)
        second.log(["loss": 4], step: 1)
        try second.finish()
        #expect(try ours.merge(theirs).addedRuns == [])
        let info = try ours.runInfo("m/r-2")
        #expect(try ours.metric("loss", ofRun: info.id).map(\.value) == [3, 4])
        #expect(info.state == .finished)
        #expect(try ours.runs(of: "m").count == 2)
    }

    @Test func whatWasDeletedHereDoesNotComeBack() throws {
        try save(1, in: theirs)
        try ours.merge(theirs)
        try ours.delete("m:v1")
        #expect(try ours.merge(theirs).added.isEmpty)
        #expect(try ours.versions(of: "m").isEmpty)
    }

    @Test func deltasComeInAsTheyAreEncoded() throws {
        let run = try TrainingRun()
        try run.save(12)
        let report = try ours.merge(run.registry)
        #expect(report.added.count == 12)
        func encodings(_ registry: Registry) throws -> [Row] {
            try registry.store.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT hex(content_id), codec, depth, hex(substr(bytes, pack_offset + 1, stored_byte_count))
                        FROM chunk JOIN pack ON pack.id = chunk.pack ORDER BY content_id
                        """)
            }
        }
        let (mine, other) = (try encodings(ours), try encodings(run.registry))
        #expect(mine == other && mine.count > 20)
        for number in 1...12 {
            let loaded: StateDict = try ours.load("m:v\(number)", verifiesHashes: true)
            #expect(
                try differences(between: run.checkpoints[number - 1].checkpoint, and: loaded.checkpoint) == [])
        }
        #expect(try ours.verify().problems.isEmpty)
    }

    @Test func aDeltaWithoutItsBaseComesInWhole() throws {
        let run = try TrainingRun()
        try run.save(4)
        // Only the oldest is wanted: the chunks that it is a difference from stay behind.
        try ours.merge(run.registry, options: MergeOptions(versions: ["m:v1"]))
        #expect(try ours.fetch(Int.self, "SELECT max(depth) FROM chunk") == 0)
        let loaded: StateDict = try ours.load("m:v1", verifiesHashes: true)
        #expect(try differences(between: run.checkpoints[0].checkpoint, and: loaded.checkpoint) == [])
        // The rest comes later.
        try ours.merge(run.registry)
        #expect(try ours.versions(of: "m").count == 4)
        #expect(try ours.verify().problems.isEmpty)
    }

    @Test func depthsKeepToOurRules() throws {
        let run = try TrainingRun()
        try run.save(6)
        try ours.setPackingRules(PackingRules(maximumDepth: 2))
        try ours.merge(run.registry)
        #expect(try ours.fetch(Int.self, "SELECT max(depth) FROM chunk") <= 2)
        #expect(try ours.verify().problems.isEmpty)
        let loaded: StateDict = try ours.load("m:v1", verifiesHashes: true)
        #expect(try differences(between: run.checkpoints[0].checkpoint, and: loaded.checkpoint) == [])
    }

    @Test func aRegistryIsNotMergedIntoItself() throws {
        try save(1, in: ours)
        let same = try Registry(path: folder.file("ours.db"))
        #expect(message { try ours.merge(same) }?.hasSuffix("is the registry itself") == true)
        #expect(message { try ours.merge(theirs, options: MergeOptions(models: ["x"])) } == #"no model "x""#)
    }

    /// What a hostile author or a disk can do to the other registry, and never to ours.
    @Test(arguments: [
        "UPDATE pack SET bytes = CAST(substr(bytes, 1, 40) || x'00ff00ff' || substr(bytes, 45) AS BLOB)",
        "UPDATE pack SET bytes = x''",
        "UPDATE chunk SET checksum = checksum + 1",
        "UPDATE chunk SET content_id = randomblob(32)",
        "UPDATE chunk SET codec = 99",
        "UPDATE chunk SET byte_count = 7",
        "UPDATE chunk SET stored_byte_count = 1000000000000",
        "UPDATE chunk SET pack_offset = -5",
        "UPDATE chunk SET base = id, depth = 1",
        "UPDATE chunk SET base = 999999, depth = 1",
        "DELETE FROM tensor_chunk",
        "UPDATE tensor SET shape = '[9223372036854775807,9]'",
        "UPDATE tensor SET shape = '[1]'",
        "UPDATE tensor SET dtype = 'float99'",
        "UPDATE tensor SET content_id = randomblob(32)",
        "DELETE FROM parameter WHERE ordinal = 0",
        "UPDATE structure SET json = '{\"dict\":[' || replace(hex(zeroblob(5000)), '0', '[')",
        "UPDATE version SET content_id = randomblob(32)",
        "UPDATE version SET created_at = char(27) || '[2Jx'",
        "UPDATE version SET number = -3",
        "UPDATE version SET step = -1",
        "UPDATE model SET name = '../../etc/passwd' WHERE id = 1",
        "UPDATE alias SET name = char(27) || ']0;x'",
        "UPDATE attribute SET value = 'no json'",
        "UPDATE attachment_content SET bytes = x'00'",
        "UPDATE run SET name = 'a b'",
        "UPDATE run SET state = 'x'",
        "UPDATE run_attribute SET value = '{'",
        "UPDATE run_metric SET step = -1",
        "UPDATE note SET at = 'yesterday'",
        "UPDATE environment SET packages = '{'",
        "UPDATE lineage SET kind = 'x'",
        "UPDATE parameter SET view_id = randomblob(32) WHERE view_id IS NOT NULL",
        "UPDATE parameter SET view_strides = '[1000,1]' WHERE view_id IS NOT NULL",
        "DROP TABLE metric",
    ])
    func aHostileRegistryLeavesOursWhole(_ damage: String) throws {
        try save(1, in: ours)
        try save(5, in: theirs, as: "base")
        let run = try theirs.startRun(model: "m", name: "r", hyperparameters: ["lr": 0.5])
        run.log(["a": 1], step: 1)
        try run.finish()
        let big = try noise(3_000_000)
        let options = SaveOptions(
            aliases: ["best"], metrics: ["a": 1], attributes: ["k": 1], parent: "base:v1",
            attachments: ["c": Array("hello".utf8)], run: run.id, step: 1)
        try theirs.save(
            dictionary([
                "big": .tensor(big),
                "t": .tensor(Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3]).transposed()),
                "n": .integer(1),
            ]), as: "m", options: options)
        try theirs.addNote("x", to: "m")
        try theirs.tamper(damage)
        let before: StateDict = try ours.load("m:v1")
        do {
            try ours.merge(theirs)
            Issue.record("merged after: \(damage)")
        } catch RegistryError.mergeSource(let path, _) {
            #expect(path == folder.file("theirs.db"))
        } catch RegistryError.damaged {
            Issue.record("blames our registry: \(damage)")
        }
        #expect(try ours.verify().problems == [])
        let after: StateDict = try ours.load("m:v1", verifiesHashes: true)
        #expect(try differences(between: before.checkpoint, and: after.checkpoint) == [])
        try ours.collectGarbage()
        #expect(try ours.verify().problems == [])
        try save(2, in: ours)
    }
}

struct ArchiveTests {
    @Test func anArchiveHasWhatIsNeededAndGoesOnWhereItWas() throws {
        let folder = try TemporaryFolder()
        let run = try TrainingRun()
        try run.save(3)
        try run.registry.save(Checkpoint.none, as: "other", message: "")
        try run.registry.delete("m:v3")
        try run.registry.setAlias("best", to: "m:v1")
        let report = try run.registry.archive(to: folder.file("a.db"), models: ["m"])
        #expect(report.versionCount == 2 && report.byteCount > 1_000_000)
        let archive = try Registry(path: folder.file("a.db"), packsInBackground: false)
        #expect(try archive.models().map(\.name) == ["m"])
        #expect(try archive.verify().problems.isEmpty)
        #expect(try archive.aliasHistory(of: "m").map(\.action) == ["alias set"])
        // A number that was used is not used again.
        #expect(try archive.save(Checkpoint.none, as: "m", message: "").version.number == 4)
        #expect(try archive.collectGarbage(dryRun: true).chunkCount == 0)
        for number in 1...2 {
            let loaded: StateDict = try archive.load("m:v\(number)", verifiesHashes: true)
            #expect(
                try differences(between: run.checkpoints[number - 1].checkpoint, and: loaded.checkpoint) == [])
        }
        #expect(throws: FileError.self) { try run.registry.archive(to: folder.file("a.db")) }
        #expect(try run.registry.archive(to: folder.file("a.db"), mayReplace: true).versionCount == 3)
        #expect(
            message { try run.registry.archive(to: folder.file("b.db"), models: ["elsewhere"]) }
                == #"no model "elsewhere""#)
        #expect(try folder.contents == ["a.db"])
    }
}
