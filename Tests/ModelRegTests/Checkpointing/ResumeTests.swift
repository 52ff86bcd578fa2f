import Foundation
import Foundations
import ModelReg
import NN
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Going on from the newest version that is whole, exactly where it was.
struct ResumeTests {
    private let folder: TemporaryFolder
    private let registry: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("r.db"), packsInBackground: false)
    }

    @Test(arguments: ["sgd", "adam", "adamw", "rmsprop"])
    func everyPartGoesOnBitForBit(_ optimizer: String) throws {
        let unbroken = TrainingExample(optimizer)
        unbroken.train(7)
        let checkpointer = try Checkpointer.forTests(registry)
        try checkpointer.save(unbroken.state, step: 7, epoch: 2)
        try checkpointer.finish()
        unbroken.train(9)

        let resumed = TrainingExample(optimizer, seed: 31)
        resumed.train(3)
        let found = try Checkpointer.forTests(registry).resume(resumed.state)
        let resumption = try #require(found)
        #expect(resumption.progress == .init(step: 7, epoch: 2) && resumption.skipped.isEmpty)
        resumed.goesOn(from: resumption.progress)
        resumed.train(9)
        #expect(try resumed.contents() == unbroken.contents())
    }

    private func save(_ count: Int) throws -> [[String]] {
        let example = TrainingExample()
        let checkpointer = try Checkpointer.forTests(registry)
        let manifests = try (1...count).map { step in
            example.train(1)
            try checkpointer.save(example.state, step: step)
            return try example.contents()
        }
        try checkpointer.finish()
        return manifests
    }

    /// Damages what only version `number` has.
    private func damage(_ number: Int) throws {
        try DatabaseChange.run(
            registry.path,
            """
            UPDATE pack SET bytes = CAST(zeroblob(byte_count) AS BLOB) WHERE id IN (
              SELECT chunk.pack FROM chunk JOIN tensor_chunk ON tensor_chunk.chunk = chunk.id
              JOIN parameter ON parameter.tensor = tensor_chunk.tensor
              JOIN path ON path.id = parameter.path AND path.text = 'model/0.weight'
              JOIN version ON version.id = parameter.version WHERE version.number = \(number))
            """)
    }

    @Test func damagedVersionsAreSkippedAndSaid() throws {
        let manifests = try save(4)
        try damage(4)
        try damage(3)
        let recorder = Recorder()
        let checkpointer = try Checkpointer.forTests(registry, recorder)
        let resumed = TrainingExample(seed: 9)
        let found = try checkpointer.resume(resumed.state)
        let resumption = try #require(found)
        resumed.goesOn(from: resumption.progress)
        #expect(resumption.version.number == 2 && resumption.skipped.map(\.version.number) == [4, 3])
        #expect(try resumed.contents() == manifests[1])
        #expect(recorder.texts.count == 3 && recorder.texts[2] == "resumed from m:v2, step 2")
        #expect(recorder.texts[0].hasPrefix("skipped m:v4: m:v4, ") && recorder.texts[0].contains("damaged"))
        // What follows is made from the version that the run goes on from, not from the latest.
        for step in 3...4 { try checkpointer.save(resumed.state, step: step) }
        try checkpointer.finish()
        #expect(try registry.version("m:v5").parent == "m:v2" && registry.version("m:v6").parent == "m:v5")
    }

    @Test func withoutVersionsTrainingBegins() throws {
        let example = TrainingExample()
        let before = try example.contents()
        #expect(try Checkpointer.forTests(registry).resume(example.state) == nil)
        _ = try save(1)
        try registry.delete("m:v1")
        #expect(try Checkpointer.forTests(registry).resume(example.state) == nil)
        #expect(try example.contents() == before)
    }

    @Test func whereNothingWillDoItIsAnErrorAndNothingHappens() throws {
        _ = try save(2)
        for number in 1...2 { try damage(number) }
        try registry.save(["w": Tensor([Float(0.375)])] as StateDict, as: "m", message: "weights alone")
        let example = TrainingExample(seed: 4)
        let before = try example.contents()
        do {
            _ = try Checkpointer.forTests(registry).resume(example.state)
            Issue.record("resumed from nothing")
        } catch let error as CheckpointerError {
            #expect(
                error.description
                    == #"none of the 3 versions of "m" can be resumed from; m:v3: the checkpoint has no "step""#
            )
        }
        #expect(try example.contents() == before)
    }

    /// A program that has changed must not go on from something older without a word.
    @Test func aModelOfAnotherShapeIsAnErrorAndNothingHappens() throws {
        _ = try save(1)
        let example = TrainingExample()
        example.train(3)
        let before = try example.contents()
        let other = Sequential(Linear(6, 17), BatchNorm1d(17), ReLU(), Dropout(0.3), Linear(17, 3))
        let state = TrainingState(
            other, example.optimizer, schedule: example.scheduler, random: ["noise": example.noise],
            data: example.sampler)
        #expect(throws: LoadStateDictError.self) { try Checkpointer.forTests(registry).resume(state) }
        #expect(try example.contents() == before)
        #expect(throws: OptimizerStateError.self) {
            try Checkpointer.forTests(registry).resume(
                into: example.model, SGD(Array(example.model.parameters().dropFirst())))
        }
        #expect(throws: BatchSamplerError.self) {
            try Checkpointer.forTests(registry).resume(
                into: example.model, data: BatchSampler(count: 5, batchSize: 1))
        }
        #expect(try example.contents() == before)
    }

    @Test func partsThatTheCheckpointLacksAreNamed() throws {
        let module = Sequential(Linear(1, 1))
        let checkpointer = try Checkpointer.forTests(registry)
        try checkpointer.save(module, step: 1)
        try checkpointer.finish()
        let checkpoint: Checkpoint = try registry.load("m")
        #expect(throws: TrainingStateError.missing("optimizer")) {
            try TrainingState(module, SGD(module.parameters())).restore(checkpoint)
        }
        #expect(throws: TrainingStateError.missing("rng/noise")) {
            try TrainingState(module, random: ["noise": RandomGenerator(seed: 1)]).restore(checkpoint)
        }
        #expect(throws: TrainingStateError.missing("data")) {
            try TrainingState(module, data: BatchSampler(count: 5, batchSize: 1)).restore(checkpoint)
        }
        // More than is wanted is no mistake: weights alone, for evaluation.
        _ = try save(1)
    }
}
