public import ModelRegistry

/// What a checkpointer has to say.
public enum CheckpointerEvent: Sendable {
    /// A checkpoint is durable.
    case saved(Version, step: Int)
    /// A checkpoint could not be saved. Training goes on, and what was saved before is as it was.
    case saveFailed(step: Int, reason: any Error)
    /// The registry was in use for too long; the checkpoint is tried again.
    case retrying(step: Int, reason: any Error)
    /// The alias for the best version is protected, and stays where it is.
    case aliasKept(alias: String, version: Version)
    /// Versions were deleted or thinned by the retention policy.
    case pruned([PruneDecision])
    /// Retention, garbage collection or packing failed. All checkpoints are as they were; it is tried again later.
    case upkeepFailed(reason: any Error)
    /// Versions are at the remote.
    case pushed(PushReport)
    /// Versions could not be pushed. Training goes on; they are pushed with the next ones.
    case pushFailed(reason: any Error)
    /// What was logged to the run, or its end, could not be written; or the run was deleted meanwhile, and versions are
    /// saved without it.
    case runNotWritten(run: String, reason: any Error)
    /// The run was resumed.
    case resumed(Version, step: Int)
    /// A newer version could not be resumed from.
    case skipped(Version, reason: any Error)
    /// A signal asks the run to stop.
    case stopping(signal: Int32)

    /// Whether it is worth a person's attention.
    public var isProblem: Bool {
        switch self {
        case .saved, .pruned, .resumed: false
        case .pushed(let report): !report.conflicts.isEmpty
        case .saveFailed, .retrying, .aliasKept, .upkeepFailed, .pushFailed, .runNotWritten, .skipped,
            .stopping:
            true
        }
    }
}

extension CheckpointerEvent: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .saved(let version, let step): "saved step \(step) as \(version.reference)"
        case .saveFailed(let step, let reason): "\(CheckpointerError.saveFailed(step: step, reason: reason))"
        case .retrying(let step, let reason): "checkpoint of step \(step) is tried again: \(reason)"
        case .aliasKept(let alias, let version):
            "alias \"\(alias)\" is protected and does not move to \(version.reference), the best so far"
        case .pruned(let decisions):
            "deleted \(CheckpointerEvent.list(decisions, .delete)), thinned \(CheckpointerEvent.list(decisions, .thin))"
        case .upkeepFailed(let reason): "upkeep of the registry failed and is tried again later: \(reason)"
        case .pushed(let report): CheckpointerEvent.text(report)
        case .pushFailed(let reason): "a push failed and is tried again with the next one: \(reason)"
        case .runNotWritten(let run, let reason): "run \"\(run)\" cannot be written: \(reason)"
        case .resumed(let version, let step): "resumed from \(version.reference), step \(step)"
        case .skipped(let version, let reason): "skipped \(version.reference): \(reason)"
        case .stopping(let signal): "signal \(signal): saving a last checkpoint"
        }
    }

    private static func text(_ report: PushReport) -> String {
        let versions = report.pushed.map(\.ours)
        let text = versions.isEmpty ? "nothing new to push" : "pushed \(versions.joined(separator: ", "))"
        return report.conflicts.reduce(text) { "\($0); \($1.alias) stays \($1.theirs) at the remote" }
    }

    private static func list(_ decisions: [PruneDecision], _ action: RetentionPolicy.Action) -> String {
        let names = decisions.filter { $0.action == action }.map(\.version.reference)
        return names.isEmpty ? "none" : names.joined(separator: ", ")
    }
}

/// What to do when a checkpoint cannot be saved.
public enum CheckpointFailureRule: Hashable, Sendable {
    /// Say so and go on training; the next checkpoint is another try. `finish` throws if the last one failed.
    case report
    /// Let the next call throw.
    case `throw`
}

/// Why a checkpointer could not do its work.
public enum CheckpointerError: Error {
    /// A checkpoint could not be saved.
    case saveFailed(step: Int, reason: any Error)
    /// There are versions, but none that a training run can go on from: each with its reason, newest first.
    case nothingToResume(model: String, skipped: [(version: Version, reason: any Error)])
}

extension CheckpointerError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .saveFailed(let step, let reason):
            "checkpoint of step \(step) could not be saved: \(reason); earlier versions are as they were"
        case .nothingToResume(let model, let skipped):
            "none of the \(skipped.count) versions of \"\(model)\" can be resumed from"
                + (skipped.first.map { "; \($0.version.reference): \($0.reason)" } ?? "")
        }
    }
}
