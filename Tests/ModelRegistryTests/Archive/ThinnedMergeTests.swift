import Checkpoints
import Glibc
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Thinned versions in other registries: they stay what they are.
struct ThinnedMergeTests {
    private let folder: TemporaryFolder
    private let ours: Registry
    private let theirs: Registry

    init() throws {
        folder = try TemporaryFolder()
        ours = try Registry(path: folder.file("ours.db"), packsInBackground: false)
        theirs = try Registry(path: folder.file("theirs.db"), packsInBackground: false)
        for seed in UInt64(1)...3 {
            let moments = try noise(300_000, seed: seed + 100)
            try theirs.save(
                dictionary([
                    "model": dictionary(["w": .tensor(try noise(200_000, seed: seed), role: .parameter)]),
                    "optimizer": dictionary([
                        "exp_avg": .tensor(moments), "same": .tensor(moments), "step": .integer(Int64(seed)),
                    ]),
                ]), as: "m", options: SaveOptions(metrics: ["loss": Double(seed)]))
        }
    }

    /// What is known of a version, and what of it can be loaded.
    private func expectSame(_ reference: String, _ one: Registry, _ other: Registry) throws {
        let (mine, its) = (try one.version(reference), try other.version(reference))
        #expect(
            mine.contentID == its.contentID && mine.createdAt == its.createdAt && mine.metrics == its.metrics)
        #expect(mine.droppedTensorCount == its.droppedTensorCount && mine.byteCount == its.byteCount)
        #expect(try one.details(of: mine) == other.details(of: its))
        #expect(
            try one.manifest(of: reference).canonicalBytes == other.manifest(of: reference).canonicalBytes)
        let weights: Checkpoint = try one.load(reference, only: ["model"], verifiesHashes: true)
        let expected: Checkpoint = try other.load(reference, only: ["model"])
        #expect(try differences(between: expected, and: weights) == [])
    }

    @Test func whatWasDroppedComesAlongAsDropped() throws {
        try theirs.thin("m:v1")
        try theirs.packNewVersions(of: "m")
        try theirs.thin("m:v2")
        try theirs.collectGarbage()
        try ours.merge(theirs)
        for number in 1...3 { try expectSame("m:v\(number)", ours, theirs) }
        #expect(try ours.version("m:v1").droppedTensorCount == 2)
        #expect(
            try ours.details(of: ours.version("m:v1")).droppedPaths == ["optimizer/exp_avg", "optimizer/same"])
        #expect(try ours.count("dropped_parameter") == 4)
        #expect(
            message { try ours.load("m:v1", as: Checkpoint.self) }?.hasPrefix("m:v1 was thinned and has no ")
                == true)
        #expect(try ours.verify().problems.isEmpty)
        #expect(try ours.merge(theirs).sameCount == 3)
        #expect(try ours.count("dropped_parameter") == 4)
    }

    @Test func anArchiveOfAThinnedVersionHasItsWeights() throws {
        try theirs.thin("m:v1")
        try theirs.collectGarbage()
        let report = try theirs.archive(to: folder.file("a.db"), versions: ["m:v1"])
        #expect(report.versionCount == 1)
        let archive = try Registry(path: folder.file("a.db"), create: false, packsInBackground: false)
        try expectSame("m:v1", archive, theirs)
        #expect(try archive.verify().problems.isEmpty)
        #expect(try archive.collectGarbage(dryRun: true).chunkCount == 0)
    }

    /// It is the same version, and what somebody dropped, or kept, on purpose stays so.
    @Test func aWholeVersionIsNotThinnedByAMergeNorFilled() throws {
        try ours.merge(theirs)
        try theirs.thin("m:v1")
        try ours.thin("m:v2")
        let report = try ours.merge(theirs)
        #expect(report.added.isEmpty && report.sameCount == 3 && report.chunkCount == 0)
        #expect(try (1...3).map { try ours.version("m:v\($0)").droppedTensorCount } == [0, 2, 0])
        let whole: Checkpoint = try ours.load("m:v1", as: Checkpoint.self)
        #expect(try Manifest(of: whole).leaves.count == 4)
        #expect(try ours.verify().problems.isEmpty)
    }

    @Test(arguments: [
        "UPDATE dropped_parameter SET dtype = 'float99'",
        "UPDATE dropped_parameter SET shape = '[4611686018427387904,8]'",
        "UPDATE dropped_parameter SET shape = '[-1]'",
        "UPDATE dropped_parameter SET shape = 'no list'",
        "UPDATE dropped_parameter SET content_id = randomblob(32)",
        "UPDATE dropped_parameter SET content_id = x'00'",
        "UPDATE dropped_parameter SET ordinal = ordinal + 100",
        "UPDATE dropped_parameter SET ordinal = -1 - ordinal",
        "UPDATE dropped_parameter SET storage = storage + 7, byte_offset = 3",
        "UPDATE dropped_parameter SET storage = NULL",
        "UPDATE dropped_parameter SET strides = '[0,0,0,0]'",
        "UPDATE dropped_parameter SET strides = NULL",
        "UPDATE dropped_parameter SET dropped_at = char(27) || '[2J'",
        "DELETE FROM dropped_parameter",
        "DELETE FROM dropped_parameter WHERE ordinal = 1",
        """
        INSERT INTO dropped_parameter SELECT version, 0, path, role, content_id, dtype, shape, storage, byte_offset, strides,
          dropped_at FROM dropped_parameter WHERE ordinal = 1
        """,
        "DROP TABLE dropped_parameter",
    ])
    func aHostileRowEndsTheMergeAndLeavesOursWhole(_ damage: String) throws {
        try ours.save(dictionary(["w": .tensor(try noise(1000))]), as: "m", options: SaveOptions())
        try theirs.thin("m:v1")
        try theirs.tamper(damage)
        do {
            try ours.merge(theirs)
            Issue.record("merged after: \(damage)")
        } catch RegistryError.mergeSource(let path, _) {
            #expect(path == folder.file("theirs.db"))
        } catch RegistryError.damaged {
            Issue.record("blames our registry: \(damage)")
        }
        #expect(try ours.verify().problems == [])
        try ours.collectGarbage()
        #expect(try ours.verify().problems == [])
    }
}
