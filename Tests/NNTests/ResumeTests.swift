import Foundations
import NN
import OrderedCollections
import Tensors
import Testing

/// Everything that a training run consists of goes on bit for bit from what was saved of it.
struct ResumeTests {
    private static func bits(_ net: Sequential) -> [[UInt32]] {
        net.parameters().map { $0.detach().scalars(as: Float.self).map(\.bitPattern) }
    }

    @Test(arguments: ["sgd", "sgd_nesterov", "sgd_plain", "adam", "adamw", "rmsprop"])
    func everyOptimizerGoesOn(_ name: String) throws {
        let unbroken = OptimizerTests.mlp()
        let optimizer = try #require(OptimizerTests.optimizer(name, unbroken.parameters()))
        _ = OptimizerTests.train(unbroken, optimizer, steps: 7)
        let weights = unbroken.stateDict().copied()
        let state = optimizer.state().copied()
        _ = OptimizerTests.train(unbroken, optimizer, steps: 6)

        let resumed = OptimizerTests.mlp()
        try resumed.loadStateDict(weights)
        let other = try #require(OptimizerTests.optimizer(name, resumed.parameters()))
        try other.loadState(state)
        #expect(settings(other) == settings(optimizer))
        _ = OptimizerTests.train(resumed, other, steps: 6)
        #expect(Self.bits(resumed) == Self.bits(unbroken))
    }

    private func settings(_ optimizer: any Optimizer) -> [OrderedDictionary<String, OptimizerState.Value>] {
        optimizer.state().groups.map(\.settings)
    }

    /// AdamW called itself Adam after it had loaded a state.
    @Test func adamWStaysAdamW() throws {
        let net = Sequential(Linear(2, 2))
        let adamW = AdamW(net.parameters())
        try adamW.loadState(Adam(net.parameters()).state())
        #expect(adamW.state().groups[0].settings["decoupled_weight_decay"] == .boolean(true))
        let adam = Adam(net.parameters())
        try adam.loadState(adamW.state())
        #expect(adam.state().groups[0].settings["decoupled_weight_decay"] == .boolean(false))
    }

    /// A float32 counts no further than 2^24.
    @Test func stepsBeyondFloat32AreKept() throws {
        let net = Sequential(Linear(1, 1))
        let optimizer = Adam(net.parameters())
        for parameter in net.parameters() { parameter.grad = parameter.detach().onesLike() }
        optimizer.step()
        var state = optimizer.state()
        state.tensors[0]?["step"] = Tensor([16_777_217.0], shape: [])
        try optimizer.loadState(state)
        #expect(optimizer.state().tensors[0]?["step"]?.scalars(as: Double.self) == [16_777_217])
        #expect(optimizer.state().tensors[1]?["step"]?.dtype == .float32)
    }

    @Test func aSchedulerGoesOn() throws {
        let net = Sequential(Linear(1, 1))
        let schedules: [LearningRateSchedule] = [
            .constant, .step(every: 3), .multiStep(at: [2, 5]), .exponential(gamma: 0.9), .cosine(epochs: 10),
            .linear(epochs: 6), .warmupCosine(warmup: 3, total: 12),
        ]
        for schedule in schedules {
            let optimizer = SGD(net.parameters(), learningRate: 0.3)
            let scheduler = LearningRateScheduler(optimizer, schedule)
            for _ in 0..<4 { scheduler.step() }
            let (state, rates) = (scheduler.state, optimizer.state())
            for _ in 0..<5 { scheduler.step() }
            let other = SGD(net.parameters(), learningRate: 0.7)
            let resumed = LearningRateScheduler(other, schedule)
            try other.loadState(rates)
            try resumed.loadState(state)
            #expect(resumed.epoch == 4 && resumed.initialRates == [0.3])
            for _ in 0..<5 { resumed.step() }
            #expect(other.learningRates.map(\.bitPattern) == optimizer.learningRates.map(\.bitPattern))
        }
    }

    /// What somebody set by hand belongs to the optimiser's state, and loading a scheduler does not change it.
    @Test func loadingASchedulerLeavesTheRateAlone() throws {
        let optimizer = SGD(Sequential(Linear(1, 1)).parameters(), learningRate: 0.3)
        let scheduler = LearningRateScheduler(optimizer, .cosine(epochs: 4))
        optimizer.learningRates = [0.123]
        try scheduler.loadState(.init(epoch: 2, initialRates: [0.3]))
        #expect(optimizer.learningRates == [0.123])
        #expect(throws: OptimizerStateError.groupCount(state: 2, optimizer: 1)) {
            try scheduler.loadState(.init(epoch: 2, initialRates: [0.3, 0.4]))
        }
    }

    @Test func generatorsOfLayersAreFound() {
        let own = RandomGenerator(seed: 3)
        let net = Sequential(
            Linear(2, 2), Dropout(0.5), Sequential(Dropout(0.1, generator: own), Dropout(0.2, generator: own)))
        let found = net.namedRandomGenerators()
        #expect(found.map(\.name) == ["1", "2.0"])
        #expect(found[0].generator === RandomGenerator.shared && found[1].generator === own)
    }
}

struct BatchSamplerTests {
    private func indices(_ sampler: BatchSampler) -> [[Int64]] {
        var batches: [[Int64]] = []
        while let batch = sampler.next() { batches.append(batch.scalars(as: Int64.self)) }
        return batches
    }

    @Test func anEpochHasEachExampleOnce() {
        let sampler = BatchSampler(count: 10, batchSize: 4, seed: 5)
        let epochs = (0..<3).map { _ in indices(sampler) }
        #expect(sampler.epoch == 3 && sampler.batchCount == 3)
        for epoch in epochs {
            #expect(epoch.map(\.count) == [4, 4, 2])
            #expect(epoch.flatMap { $0 }.sorted() == Array(0..<10))
        }
        #expect(Set(epochs).count == 3)
        #expect(indices(BatchSampler(count: 10, batchSize: 4, seed: 6)) != epochs[0])
    }

    @Test func withoutShufflingTheOrderIsThatOfTheData() {
        let sampler = BatchSampler(count: 5, batchSize: 2, shuffles: false, dropsLast: true)
        #expect(indices(sampler) == [[0, 1], [2, 3]])
        #expect(indices(sampler) == [[0, 1], [2, 3]])
        #expect(sampler.batchCount == 2)
        #expect(indices(BatchSampler(count: 0, batchSize: 2)) == [])
    }

    @Test(arguments: 0...9) func aSamplerGoesOnAfterAnyBatch(_ taken: Int) throws {
        let unbroken = BatchSampler(count: 11, batchSize: 3, seed: 9)
        for _ in 0..<taken { _ = unbroken.next() }
        let resumed = BatchSampler(count: 11, batchSize: 3, seed: 1)
        try resumed.loadState(unbroken.state)
        #expect(indices(resumed) == indices(unbroken))
        #expect(indices(resumed) == indices(unbroken))
    }

    @Test func aStateOfOtherDataIsRefused() throws {
        let sampler = BatchSampler(count: 11, batchSize: 3, seed: 9)
        _ = sampler.next()
        let before = sampler.state
        #expect(throws: BatchSamplerError.count(state: 12, sampler: 11)) {
            try sampler.loadState(.init(seed: 9, count: 12, shuffles: true))
        }
        #expect(throws: BatchSamplerError.order(stateShuffles: false)) {
            try sampler.loadState(.init(seed: 9, count: 11, shuffles: false))
        }
        #expect(throws: BatchSamplerError.position(epoch: 0, position: 12)) {
            try sampler.loadState(.init(position: 12, seed: 9, count: 11, shuffles: true))
        }
        #expect(sampler.state == before)
    }
}
