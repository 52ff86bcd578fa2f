import Checkpoints
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Versions that have lost their optimiser and random state, and nothing else.
struct ThinningTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    private func checkpoint(_ seed: UInt64) throws -> Checkpoint {
        let weight = try noise(200_000, seed: seed)
        return dictionary([
            "model": dictionary(["w": .tensor(weight, role: .parameter)]),
            "optimizer": dictionary([
                "state": .list([.tensor(try noise(300_000, seed: seed + 100)), .integer(7)]),
                "lr": .number(0.1),
            ]),
            "rng": dictionary(["shared": .tensor(Tensor([UInt64(seed), 2]))]),
            "step": .integer(Int64(seed)),
        ])
    }

    private func save(_ count: UInt64 = 2) throws {
        for seed in 1...count { try registry.save(try checkpoint(seed), as: "m", options: SaveOptions()) }
    }

    @Test func keepsItsIdentityWeightsAndHistory() throws {
        try save()
        let before = try registry.version("m:v1")
        let manifest = try registry.manifest(of: "m:v1").canonicalBytes
        #expect(try registry.thin("m:v1") == ["optimizer/state/0", "rng/shared"])
        let after = try registry.version("m:v1@sha256:\(before.contentID.hex.prefix(12))")
        #expect(after.contentID == before.contentID && after.createdAt == before.createdAt)
        #expect(after.tensorCount == before.tensorCount && after.byteCount == before.byteCount)
        #expect((before.droppedTensorCount, after.droppedTensorCount) == (0, 2))
        #expect(try registry.manifest(of: "m:v1").canonicalBytes == manifest)
        #expect(try registry.details(of: after).droppedPaths == ["optimizer/state/0", "rng/shared"])
        let weights: Checkpoint = try registry.load("m:v1", only: ["model"], verifiesHashes: true)
        let expected = dictionary([
            "model": dictionary(["w": .tensor(try noise(200_000, seed: 1), role: .parameter)])
        ])
        #expect(try differences(between: expected, and: weights) == [])
        // Plain values are small, and stay.
        let rate: Checkpoint = try registry.load("m:v1", only: ["optimizer/lr"])
        #expect(try Manifest(of: rate).leaves.map(\.content) == [.value(.number(bits: (0.1).bitPattern))])
    }

    @Test func loadingItWholeSaysWhatWasDropped() throws {
        try save()
        try registry.thin("m:v1")
        let whole =
            #"m:v1 was thinned and has no "optimizer/state/0" any more, nor 1 other tensors; "#
            + "`load m:v1 --only model` loads what is there"
        #expect(message { try registry.load("m:v1", as: Checkpoint.self) } == whole)
        #expect(
            message { try registry.load("m:v1", as: Checkpoint.self, only: ["rng/*"]) }?.contains("rng/shared")
                == true)
        #expect(message { try registry.load("m:v1", path: "optimizer/state/0", rows: 0..<1) } != nil)
        let version = try registry.version("m:v1")
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 300_000, alignment: 64)
        defer { memory.deallocate() }
        #expect(message { try registry.copyTensors(of: version, [(leaf: 1, destination: memory)]) } != nil)
        #expect(try registry.load("m:v1", path: "model/w", rows: 0..<3).shape == [3])
    }

    @Test func verifyAndDiffKnowIt() throws {
        try save()
        try registry.thin("m:v1")
        let report = try registry.verify()
        #expect(report.problems == [] && report.thinnedVersionCount == 1)
        let diff = try registry.manifestDiff(from: "m:v1", to: "m:v2")
        #expect(diff.changes.map(\.path.text) == ["model/w", "optimizer/state/0", "rng/shared", "step"])
        #expect(try registry.manifestDiff(from: "m:v1", to: "m:v1").isEmpty)
    }

    @Test func freesWhatWasSaidAndNothingThatOthersNeed() throws {
        let run = try TrainingRun(weightCount: 300_000)
        try run.save(4)
        let policy = RetentionPolicy(keepLast: 1, thinsInsteadOfDeleting: true)
        let plan = try run.registry.pruningPlan(for: "m", policy, dropping: ["fresh", "constant"])
        #expect(plan.map(\.action) == [.keep, .thin, .thin, .thin])
        let promise = try run.registry.byteCountFreed(by: plan)
        try run.registry.prune("m", policy, dropping: ["fresh", "constant"])
        #expect(try run.registry.collectGarbage().freedByteCount == promise)
        #expect(promise > 3 * 100_000)
        for number in 1...3 {
            let loaded: StateDict = try run.registry.load(
                "m:v\(number)", only: ["weight", "bias"], verifiesHashes: true)
            let expected = StateDict(
                run.checkpoints[number - 1].tensors.filter { ["weight", "bias"].contains($0.key) })
            #expect(try differences(between: expected.checkpoint, and: loaded.checkpoint) == [])
        }
        try run.check([4])
    }

    /// Older versions are differences from newer ones: these may lose what those need.
    @Test func whatOlderVersionsAreDifferencesFromIsEncodedAnew() throws {
        let run = try TrainingRun(weightCount: 300_000)
        try run.save(4)
        #expect(try run.depths(of: "weight").first == 2)
        for number in 2...3 { try run.registry.thin("m:v\(number)", dropping: ["weight"]) }
        try run.registry.collectGarbage()
        try run.check([1, 4])
        #expect(try run.registry.verify().thinnedVersionCount == 2)
    }

    @Test func theSameContentSavedAgainIsWhole() throws {
        try save(1)
        try registry.save(Checkpoint.none, as: "m", message: "")
        try registry.thin("m:v1")
        try registry.collectGarbage()
        try registry.save(try checkpoint(1), as: "m", message: "")
        #expect(try registry.version("m:v3").contentID == registry.version("m:v1").contentID)
        let loaded: Checkpoint = try registry.load("m:v3", verifiesHashes: true)
        #expect(try differences(between: checkpoint(1), and: loaded) == [])
        #expect(throws: RegistryError.self) { try registry.load("m:v1", as: Checkpoint.self) }
    }

    @Test func tiesToWhatWasDroppedAreRemembered() throws {
        let shared = Tensor([Float](repeating: 1.5, count: 1000))
        let view = try Tensor(storage: shared.storage, dtype: .float32, shape: [10], strides: [3], offset: 5)
        let tied = dictionary([
            "model": dictionary(["w": .tensor(shared)]), "optimizer": dictionary(["view": .tensor(view)]),
        ])
        try registry.save(tied, as: "m", message: "")
        let id = try registry.version("m").contentID
        try registry.thin("m")
        #expect(try registry.manifest(of: "m").contentID == id)
        #expect(try registry.problems() == [])
        let loaded: Checkpoint = try registry.load("m", only: ["model"])
        let expected = dictionary(["model": dictionary(["w": .tensor(shared)])])
        #expect(try differences(between: expected, and: loaded) == [])
    }

    @Test func aVersionKeepsSomeTensors() throws {
        try save(1)
        #expect(
            message { try registry.thin("m", dropping: ["*"]) }
                == "m:v1 would be left without any tensor; drop less of it")
        try registry.save(try checkpoint(2), as: "m", message: "")
        let policy = RetentionPolicy(keepLast: 1, thinsInsteadOfDeleting: true)
        #expect(try registry.prune("m", policy, dropping: ["*"]).map(\.action) == [.keep, .keep])
        #expect(throws: PathSelectionError.self) { try registry.thin("m", dropping: ["optimiser"]) }
    }

    @Test func thinningTwiceDropsNothingMore() throws {
        try save()
        let policy = RetentionPolicy(keepLast: 1, thinsInsteadOfDeleting: true)
        #expect(try registry.prune("m", policy).map(\.action) == [.keep, .thin])
        #expect(try registry.prune("m", policy).map(\.action) == [.keep, .keep])
        try registry.delete("m:v1")
        try registry.collectGarbage()
        #expect(try registry.count("dropped_parameter") == 0)
    }

    @Test func damagedRowsAreSaid() throws {
        try save()
        try registry.thin("m:v1")
        try registry.tamper("UPDATE dropped_parameter SET dtype = 'float99' WHERE ordinal = 1")
        #expect(try registry.problems().count == 1)
        try registry.tamper("UPDATE dropped_parameter SET dtype = 'float32', shape = '[4611686018427387904,8]'")
        #expect(try registry.problems().count == 1)
        try registry.tamper("DELETE FROM dropped_parameter WHERE ordinal = 1")
        #expect(try registry.problems().count == 1)
    }
}
