import Foundation
import ModelReg
import NN
import OrderedCollections
import Tensors

/// Trains a network on real data with a checkpoint each epoch, and goes on after a crash as if there had been none.
@main enum Digits {
    static func main() {
        do {
            let settings = try Settings(Array(CommandLine.arguments.dropFirst()))
            if let reference = settings.evaluate {
                try evaluate(reference, settings)
            } else {
                exit(try train(settings))
            }
        } catch {
            FileHandle.standardError.write(Data("Digits: \(error)\n".utf8))
            exit(1)
        }
    }

    /// Trains until all epochs have passed or a signal asks to stop.
    ///
    /// - Returns: What to exit with.
    private static func train(_ settings: Settings) throws -> Int32 {
        // Sums are rounded differently by different numbers of threads.
        Compute.threadCount = settings.threads
        let (training, test) = try DigitImages.read(settings.data)
        manualSeed(1)
        let model = MLP()
        let optimizer = try optimizer(settings.optimizer, model)
        let sampler = BatchSampler(count: training.labels.shape[0], batchSize: 64, seed: 2)
        let steps = settings.epochs * sampler.batchCount
        let schedule = LearningRateScheduler(
            optimizer, .warmupCosine(warmup: sampler.batchCount / 2, total: steps))
        let state = TrainingState(model, optimizer, schedule: schedule, data: sampler)

        let registry = try Registry(path: settings.registry)
        let run = try registry.startRun(
            model: settings.model, name: settings.run,
            hyperparameters: [
                "optimizer": AttributeValue(settings.optimizer), "epochs": AttributeValue(settings.epochs),
                "batch": AttributeValue(sampler.batchSize),
            ],
            resumes: true)
        let checkpointer = try Checkpointer(
            registry: registry, model: settings.model, run: run,
            every: settings.every.map { .steps($0) } ?? .manual,
            retention: RetentionPolicy(keepLast: 50, keepBest: [.init(3, by: .max("accuracy"))]),
            stopsOn: Checkpointer.standardStopSignals, report: Checkpointer.standardReport)
        var step = 0
        if let resumption = try checkpointer.resume(state) {
            step = resumption.progress.step
            print("resumed from \(resumption.version.reference), step \(step)")
        }
        while sampler.epoch < settings.epochs, !checkpointer.shouldStop {
            while let batch = sampler.next() {
                let examples = training[batch]
                optimizer.zeroGrad()
                let loss = crossEntropy(model(examples.images), examples.labels)
                loss.backward()
                optimizer.step()
                schedule.step()
                step += 1
                if settings.pauseMicroseconds > 0 { usleep(UInt32(settings.pauseMicroseconds)) }
                try checkpointer.saveIfDue(
                    state, step: step, epoch: sampler.epoch, metrics: ["loss": loss.item()])
                if step == settings.crashAtStep { try crash(checkpointer) }
                if checkpointer.shouldStop { break }
            }
            if checkpointer.shouldStop { break }
            let accuracy = test.accuracy(of: model)
            if settings.every == nil {
                try checkpointer.save(
                    state, step: step, epoch: sampler.epoch, metrics: ["accuracy": accuracy])
            }
            if sampler.epoch % 5 == 0 || sampler.epoch == settings.epochs {
                print("epoch \(sampler.epoch): \(percent(accuracy)) of the test digits right")
            }
        }
        try checkpointer.finish()
        return checkpointer.exitStatus
    }

    private static func optimizer(_ name: String, _ model: MLP) throws -> any Optimizer {
        switch name {
        case "adamw": return AdamW(model.parameters(), learningRate: 3e-3)
        case "adam": return Adam(model.parameters(), learningRate: 3e-3, weightDecay: 1e-4, amsgrad: true)
        case "sgd": return SGD(model.parameters(), learningRate: 0.1, momentum: 0.9, nesterov: true)
        case "rmsprop": return RMSprop(model.parameters(), learningRate: 1e-3, momentum: 0.5, centered: true)
        default: throw DataError(description: Settings.usage)
        }
    }

    /// Dies as by a power cut. Waits first for what was saved, so that the example prints the same each time.
    private static func crash(_ checkpointer: Checkpointer) throws {
        try checkpointer.wait()
        fflush(nil)
        kill(getpid(), SIGKILL)
    }

    /// Loads the weights of a version, and no more, and says how good they are.
    private static func evaluate(_ reference: String, _ settings: Settings) throws {
        Compute.threadCount = settings.threads
        let (_, test) = try DigitImages.read(settings.data)
        let registry = try Registry(path: settings.registry, create: false)
        let version = try registry.version(reference)
        let checkpoint: Checkpoint = try registry.load(version.reference, only: ["model"])
        guard case .dictionary(let dictionary) = checkpoint, let weights = dictionary["model"] else {
            throw DataError(description: "\(version.reference) has no \"model\"")
        }
        let model = MLP()
        try model.loadStateDict(StateDict(checkpoint: weights))
        print("\(version.reference): \(percent(test.accuracy(of: model))) of the test digits right")
    }

    private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}
