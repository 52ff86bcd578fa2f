import Checkpoints
public import ModelRegistry
public import NN
public import OrderedCollections
public import Tensors

extension Checkpointer {
    /// Where a resumed run goes on.
    public struct Resumption {
        /// The version that it goes on from.
        public let version: Version
        /// Where the run was.
        public let progress: TrainingState.Progress
        /// Newer versions that could not be used, and why, newest first.
        public let skipped: [(version: Version, reason: any Error)]
    }

    /// Goes on from the newest version that is whole: every byte is compared with its hash first.
    ///
    /// A newer version that is damaged, thinned, or no checkpoint of a training run is skipped, and said so. One that is
    /// whole and does not fit, such as weights of another shape, is an error: the program has changed, and must decide.
    ///
    /// Where there is a run, only its own versions count: the weights of another run of the model are not gone on from.
    ///
    /// - Returns: `nil` where the model, or the run, has no versions: training begins.
    /// - Throws: ``CheckpointerError/nothingToResume(model:skipped:)`` where there are versions but none will do;
    ///   ``RegistryError``; and as ``TrainingState/restore(_:)``. The state is as it was then.
    public func resume(_ state: TrainingState) throws -> Resumption? {
        let versions: [Version]
        do {
            versions =
                if let run {
                    try registry.versions(inRun: run.id).filter { $0.model == model }
                } else { try registry.versions(of: model) }
        } catch RegistryError.noModel {
            return nil
        }
        var skipped: [(version: Version, reason: any Error)] = []
        for version in versions {
            do {
                let checkpoint: Checkpoint = try registry.load(version.reference, verifiesHashes: true)
                let progress = try state.restore(checkpoint)
                didResume(version, progress, isLatest: skipped.isEmpty)
                return Resumption(version: version, progress: progress, skipped: skipped)
            } catch {
                guard Checkpointer.isReasonToSkip(error) else { throw error }
                skipped.append((version, error))
                report(.skipped(version, reason: error))
            }
        }
        guard skipped.isEmpty else {
            throw CheckpointerError.nothingToResume(model: model, skipped: skipped)
        }
        return nil
    }

    /// Goes on from the newest version that is whole; see ``resume(_:)``.
    public func resume(
        into module: Module, _ optimizer: (any Optimizer)? = nil, schedule: LearningRateScheduler? = nil,
        random: OrderedDictionary<String, RandomGenerator> = [:], data: (any CheckpointState)? = nil
    ) throws -> Resumption? {
        try resume(TrainingState(module, optimizer, schedule: schedule, random: random, data: data))
    }

    private static func isReasonToSkip(_ error: any Error) -> Bool {
        switch error {
        // Deleted meanwhile, thinned, damaged, or on a part of the disk that cannot be read.
        case RegistryError.noVersion, RegistryError.thinned, RegistryError.damaged, RegistryError.inputOutput:
            true
        // Whole, but something else: weights alone, say.
        case is TrainingStateError, is CheckpointTypeError: true
        default: false
        }
    }
}
