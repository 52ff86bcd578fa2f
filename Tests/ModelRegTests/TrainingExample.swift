import Foundation
import GRDB
import ModelReg
import NN
import OrderedCollections
import Synchronization
import Tensors
import TestSupport
import Testing

/// A small training run with all that has a state: dropout with a generator of its own, batch normalisation, an
/// optimiser, a schedule, shuffled data, noise from another generator.
final class TrainingExample {
    let model: Sequential
    let optimizer: any Optimizer
    let scheduler: LearningRateScheduler
    let sampler: BatchSampler
    let noise: RandomGenerator
    private(set) var step = 0
    private let x: Tensor
    private let y: Tensor

    /// - Parameter seed: Of the weights: resumed runs begin with others.
    init(_ name: String = "adamw", seed: UInt64 = 1) {
        let generator = RandomGenerator(seed: seed)
        model = Sequential(
            Linear(6, 16, generator: generator), BatchNorm1d(16), ReLU(), Dropout(0.3, generator: generator),
            Linear(16, 3, generator: generator))
        let parameters = model.parameters()
        switch name {
        case "sgd": optimizer = SGD(parameters, learningRate: 0.1, momentum: 0.9)
        case "adam": optimizer = Adam(parameters, learningRate: 1e-2, amsgrad: true)
        case "rmsprop": optimizer = RMSprop(parameters, learningRate: 1e-3, momentum: 0.5, centered: true)
        default: optimizer = AdamW(parameters, learningRate: 1e-2)
        }
        scheduler = LearningRateScheduler(optimizer, .warmupCosine(warmup: 5, total: 100))
        sampler = BatchSampler(count: 22, batchSize: 8, seed: seed)
        noise = RandomGenerator(seed: seed + 50)
        let data = RandomGenerator(seed: 77)
        x = data.normal([22, 6])
        y = data.integers(in: 0..<3, [22])
    }

    var state: TrainingState {
        TrainingState(model, optimizer, schedule: scheduler, random: ["noise": noise], data: sampler)
    }

    func train(_ count: Int) {
        for _ in 0..<count {
            let batch = sampler.next() ?? sampler.next()
            guard let batch else { return }
            optimizer.zeroGrad()
            let inputs = x[batch]
            crossEntropy(model(inputs + noise.normal(inputs.shape) * 0.1), y[batch]).backward()
            optimizer.step()
            scheduler.step()
            step += 1
        }
    }

    func goesOn(from progress: TrainingState.Progress) { step = progress.step }

    /// Everything, by content: equal ids are equal bits.
    func contents() throws -> [String] {
        try Manifest(of: state.checkpoint(at: .init(step: step))).contents
    }
}

extension Manifest {
    /// Paths with what is there, in order. Not the shared generator, which other tests draw from meanwhile.
    var contents: [String] {
        leaves.filter { $0.path.text != "rng/shared" }.map { "\($0.path.text) \($0.content)" }
    }
}

/// What a checkpointer said, in order.
final class Recorder: Sendable {
    private let events = Mutex<[CheckpointerEvent]>([])

    var report: @Sendable (CheckpointerEvent) -> Void {
        { event in self.events.withLock { $0.append(event) } }
    }

    var texts: [String] { events.withLock { $0.map(\.description) } }
}

extension Checkpointer {
    /// One that listens for no signals, which are for the whole process.
    static func forTests(
        _ registry: Registry, every cadence: CheckpointCadence = .manual, retention: RetentionPolicy? = nil,
        onError rule: CheckpointFailureRule = .report, _ recorder: Recorder = Recorder()
    ) throws -> Checkpointer {
        try Checkpointer(
            registry: registry, model: "m", every: cadence, retention: retention, onError: rule, stopsOn: [],
            report: recorder.report)
    }
}

/// Holds a registry's lock, as another process that writes does.
final class RegistryLock {
    private let connection: DatabaseQueue

    init(_ path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        connection = try DatabaseQueue(path: path, configuration: configuration)
        try connection.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }
    }

    func release() throws { try connection.writeWithoutTransaction { try $0.execute(sql: "COMMIT") } }
}
