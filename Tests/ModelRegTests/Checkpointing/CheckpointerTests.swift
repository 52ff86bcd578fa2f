import Foundation
import ModelReg
import NN
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct CheckpointerTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    @Test func whatIsSavedIsWhatWasThereAtTheCall() throws {
        let example = TrainingExample()
        example.train(2)
        let expected = try example.contents()
        let checkpointer = try Checkpointer.forTests(registry)
        try checkpointer.save(example.state, step: 2)
        // Training goes on at once, while the checkpoint is written.
        example.train(5)
        for parameter in example.model.parameters() { parameter.data.fill(9) }
        try checkpointer.finish()
        #expect(try registry.manifest(of: "m").contents == expected)
        #expect(checkpointer.lastVersion?.reference == "m:v1")
    }

    @Test func theLayoutIsWhatPyTorchUsersExpect() throws {
        let example = TrainingExample()
        example.train(4)
        let checkpointer = try Checkpointer.forTests(registry)
        try checkpointer.save(example.state, step: 4, epoch: 1, metrics: ["accuracy": 0.5, "loss": .nan])
        try checkpointer.finish()
        let manifest = try registry.manifest(of: "m")
        let paths = manifest.leaves.map(\.path.text)
        for path in [
            "model/0.weight", "model/1.running_mean", "model/1.num_batches_tracked",
            "optimizer/state/0/exp_avg",
            "optimizer/param_groups/0/lr", "scheduler/last_epoch", "rng/shared", "rng/noise", "rng/model.3",
            "data/position", "step", "epoch", "metrics/accuracy",
        ] {
            #expect(paths.contains(path), "\(path)")
        }
        let version = try registry.version("m")
        #expect(version.message == "epoch 1, step 4" && version.metrics["accuracy"] == 0.5)
        #expect(version.metrics["loss"]?.isNaN == true)
        let folder = try TemporaryFolder()
        try registry.exportFile("m", to: folder.file("m.pt"))
        let again = try CheckpointFile.read(path: folder.file("m.pt")).checkpoint
        #expect(try TrainingExample(seed: 5).state.restore(again).step == 4)
    }

    @Test func tiesAndViewsStaySuch() throws {
        final class Tied: Module {
            @Parameter var first = Tensor([Float(1), 2, 3])
            @Parameter var second: Tensor
            @Buffer var view: Tensor
            override init() {
                let shared = Tensor((0..<40).map { Float($0) })
                second = shared
                view =
                    (try? Tensor(storage: shared.storage, dtype: .float32, shape: [3], strides: [2], offset: 9))
                    ?? shared
                super.init()
                first = second
            }
        }
        let module = Tied()
        let checkpointer = try Checkpointer.forTests(registry)
        try checkpointer.save(module, step: 0)
        try checkpointer.finish()
        let state = TrainingState(module)
        let expected = try Manifest(of: state.checkpoint(at: .init(step: 0))).contents
        #expect(try registry.manifest(of: "m").contents == expected)
        #expect(expected.contains { $0.contains("model/view") && $0.contains("strides: [2]") })
    }

    @Test func versionsFollowEachOther() throws {
        let example = TrainingExample()
        let recorder = Recorder()
        let checkpointer = try Checkpointer.forTests(registry, recorder)
        for step in 1...6 {
            example.train(1)
            try checkpointer.save(example.state, step: step)
        }
        try checkpointer.finish()
        try checkpointer.finish()
        #expect(recorder.texts == (1...6).map { "saved step \($0) as m:v\($0)" })
        #expect(try registry.versions(of: "m").map(\.parent) == ["m:v5", "m:v4", "m:v3", "m:v2", "m:v1", nil])
        #expect(try registry.verify().problems == [])
    }

    // MARK: When

    private func due(_ cadence: CheckpointCadence, _ steps: [Int], _ accuracies: [Double] = []) throws -> [Int]
    {
        let checkpointer = try Checkpointer.forTests(registry, every: cadence)
        let module = Sequential(Linear(1, 1))
        var saved: [Int] = []
        for (index, step) in steps.enumerated() {
            let metrics: OrderedDictionary = accuracies.isEmpty ? [:] : ["accuracy": accuracies[index]]
            if try checkpointer.saveIfDue(TrainingState(module), step: step, metrics: metrics) {
                saved.append(step)
            }
        }
        try checkpointer.finish()
        return saved
    }

    @Test func everySoManySteps() throws {
        #expect(try due(.steps(3), Array(1...10)) == [3, 6, 9])
        // A multiple that is passed counts as reached.
        #expect(try due(.steps(10), [4, 9, 14, 19, 31, 39, 40]) == [14, 31, 40])
        #expect(try due(.manual, Array(1...10)) == [])
    }

    @Test func everySoManySeconds() throws {
        #expect(try due(.seconds(0), [1, 2]) == [1, 2])
        #expect(try due(.minutes(5), [1, 2]) == [])
    }

    @Test func onABetterMetric() throws {
        let values = [0.5, 0.4, .nan, 0.5, 0.6, 0.6, 0.9]
        #expect(try due(.improvement(of: "accuracy", mode: .max), Array(1...7), values) == [1, 5, 7])
        // What an earlier run has saved counts.
        #expect(try due(.improvement(of: "accuracy", mode: .max), [8, 9, 10], [0.8, 0.9, 0.95]) == [10])
    }

    @Test func onAnyOfThese() throws {
        let cadence: CheckpointCadence = [.steps(4), .improvement(of: "accuracy", mode: .min)]
        #expect(try due(cadence, Array(1...8), [9, 9, 8, 8, 8, 8, 7, 7]) == [1, 3, 4, 7, 8])
    }

    // MARK: Best

    private func save(_ accuracies: [Double], _ recorder: Recorder = Recorder()) throws {
        let checkpointer = try Checkpointer.forTests(
            registry, every: .improvement(of: "accuracy", mode: .max), recorder)
        let module = Sequential(Linear(1, 1))
        for (step, accuracy) in accuracies.enumerated() {
            try checkpointer.save(TrainingState(module), step: step, metrics: ["accuracy": accuracy])
        }
        try checkpointer.finish()
    }

    @Test func theBestHasTheAlias() throws {
        try save([0.5, 0.9, .nan, 0.7])
        #expect(try registry.version("m:best").number == 2)
        // Of equals the newer one; also across runs.
        try save([0.8, 0.9, 0.1])
        #expect(try registry.version("m:best").number == 6)
    }

    @Test func aMetricThatIsNoNumberIsNeverBest() throws {
        try save([.nan, .nan])
        #expect(try registry.aliases().isEmpty && registry.versions(of: "m").count == 2)
    }

    @Test func aProtectedAliasStaysAndTheVersionIsSaved() throws {
        let file = try TemporaryFolder()
        let registry = try Registry(path: file.file("r.db"), packsInBackground: false)
        try registry.save(Sequential(Linear(1, 1)), as: "m", options: SaveOptions(aliases: ["best"]))
        try DatabaseChange.run(registry.path, "UPDATE alias SET is_protected = 1")
        let recorder = Recorder()
        let checkpointer = try Checkpointer.forTests(
            registry, every: .improvement(of: "accuracy", mode: .max), recorder)
        try checkpointer.save(TrainingState(Sequential(Linear(1, 1))), step: 1, metrics: ["accuracy": 1])
        try checkpointer.finish()
        #expect(try registry.version("m:best").number == 1)
        #expect(
            recorder.texts == [
                #"alias "best" is protected and does not move to m:v2, the best so far"#,
                "saved step 1 as m:v2",
            ])
    }

    // MARK: Retention

    @Test func retentionIsAppliedAndGarbageCollected() throws {
        let folder = try TemporaryFolder()
        let registry = try Registry(path: folder.file("r.db"))
        let checkpointer = try Checkpointer.forTests(
            registry, retention: RetentionPolicy(keepLast: 2, keepBest: [.init(1, by: .max("accuracy"))]))
        let example = TrainingExample()
        for (step, accuracy) in [0.1, 0.9, 0.2, 0.3, 0.4].enumerated() {
            example.train(1)
            try checkpointer.save(example.state, step: step, metrics: ["accuracy": accuracy])
        }
        try checkpointer.finish()
        #expect(try registry.versions(of: "m").map(\.number) == [5, 4, 2])
        #expect(try registry.version("m:best").number == 2)
        #expect(try registry.collectGarbage().versionCount == 0)
        #expect(try registry.verify().problems == [])
    }

    @Test func thinnedVersionsAreSkippedByResume() throws {
        let recorder = Recorder()
        let checkpointer = try Checkpointer.forTests(
            registry, retention: RetentionPolicy(keepLast: 9, keepWhole: 1), recorder)
        let example = TrainingExample()
        for step in 1...3 {
            example.train(1)
            try checkpointer.save(example.state, step: step)
        }
        try checkpointer.finish()
        #expect(try registry.versions(of: "m").map { $0.droppedTensorCount > 0 } == [false, true, true])
        try registry.delete("m:v3")
        let other = try Checkpointer.forTests(registry, recorder)
        #expect(throws: CheckpointerError.self) { try other.resume(TrainingExample(seed: 2).state) }
    }
}
