import Checkpoints
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct PruneTests {
    private func registry(_ accuracies: [Double]) throws -> Registry {
        let registry = try Registry.inMemory()
        for (index, accuracy) in accuracies.enumerated() {
            let weights: StateDict = ["w": try noise(3000, seed: UInt64(index + 1))]
            try registry.save(weights, as: "m", options: SaveOptions(metrics: ["accuracy": accuracy]))
        }
        return registry
    }

    private func numbers(_ registry: Registry) throws -> [Int] { try registry.versions(of: "m").map(\.number) }

    @Test func deletesWhatThePlanSays() throws {
        let registry = try registry([0.1, 0.9, .nan, 0.2, 0.3])
        let policy = RetentionPolicy(keepLast: 1, keepBest: [.init(1, by: .max("accuracy"))])
        let plan = try registry.pruningPlan(for: "m", policy)
        #expect(plan.map(\.action) == [.keep, .delete, .delete, .keep, .delete])
        #expect(try numbers(registry) == [5, 4, 3, 2, 1])
        // Not compared whole: the metric that is no number equals nothing.
        let done = try registry.prune("m", policy)
        #expect(done.map(\.action) == plan.map(\.action) && done.map(\.reasons) == plan.map(\.reasons))
        #expect(try numbers(registry) == [5, 2])
        #expect(try registry.prune("m", policy).allSatisfy { $0.action == .keep })
        #expect(try registry.problems() == [])
    }

    @Test func freesWhatWasSaid() throws {
        let run = try TrainingRun(weightCount: 300_000)
        try run.save(6)
        let policy = RetentionPolicy(keepLast: 1, keepEvery: 3)
        let plan = try run.registry.pruningPlan(for: "m", policy)
        let promise = try run.registry.byteCountFreed(by: plan)
        #expect(promise > 0)
        let before = try run.fileByteCount
        try run.registry.prune("m", policy)
        #expect(try run.registry.collectGarbage().freedByteCount == promise)
        #expect(try run.fileByteCount == before - promise)
        try run.check([3, 6])
    }

    @Test func severalVersionsTogetherFreeWhatTheyShare() throws {
        let registry = try registry([1])
        let shared = try noise(400_000, seed: 9)
        for _ in 0..<2 { try registry.save(["s": shared] as StateDict, as: "m", message: "") }
        try registry.save(["w": try noise(10, seed: 3)] as StateDict, as: "m", message: "")
        let versions = try registry.versions(of: "m").filter { [2, 3].contains($0.number) }
        #expect(try registry.byteCountFreed(byDeleting: "m:v2") < 100_000)
        #expect(try registry.byteCountFreed(byDeleting: versions) >= 400_000)
    }

    @Test func anUnknownModelIsAnError() throws {
        let registry = try registry([1])
        #expect(
            message { try registry.prune("n", RetentionPolicy(keepLast: 1)) }
                == #"no model "n" (did you mean "m"?)"#)
    }

    @Test func pinnedVersionsStay() throws {
        let registry = try registry([1, 2, 3])
        try registry.setAlias("keep", to: "m:v1", isPinned: true)
        try registry.prune("m", RetentionPolicy(keepLast: 1))
        #expect(try numbers(registry) == [3, 1])
    }
}
