public import Checkpoints
import Foundations
public import ModelRegistry
public import TensorCodec
public import WeightDiff

// Long calls in a form that is awaited. Each runs on a thread that may block, within the task that awaits it: where that is
// cancelled, it throws `CancellationError` at the next chunk and leaves the registry whole.

extension Registry {
    /// Saves a checkpoint as the next version of a model, without blocking the caller's thread.
    ///
    /// Tensors are read while the call runs: they must not change meanwhile.
    ///
    /// - Throws: ``RegistryError``, `CancellationError`; then nothing of the version is in the registry.
    @discardableResult
    public func save(
        _ value: some CheckpointConvertible & SendableMetatype, as model: String,
        options: SaveOptions = SaveOptions(),
        progress: ProgressHandler? = nil
    ) async throws -> SaveResult {
        let carried = Carried(value)
        let save = { @Sendable () throws -> SaveResult in
            try self.save(carried.value, as: model, options: options, progress: progress)
        }
        return try await BlockingExecutor.run(save)
    }

    /// Loads a version, or part of it, without blocking the caller's thread.
    ///
    /// - Throws: As the form that blocks; `CancellationError`.
    public func load<Value: CheckpointConvertible & SendableMetatype>(
        _ reference: String, as type: Value.Type = Value.self, only patterns: [String] = [],
        verifiesHashes: Bool = false, progress: ProgressHandler? = nil
    ) async throws -> Value {
        let load = { @Sendable () throws -> Carried<Value> in
            let value: Value = try self.load(
                reference, only: patterns, verifiesHashes: verifiesHashes, progress: progress)
            return Carried(value)
        }
        return try await BlockingExecutor.run(load).value
    }

    /// Checks everything there is against its hashes, without blocking the caller's thread.
    ///
    /// - Throws: ``RegistryError``, `CancellationError`.
    public func verify(_ reference: String? = nil, progress: ProgressHandler? = nil) async throws
        -> VerificationReport
    {
        let verify = { @Sendable () throws -> VerificationReport in
            try self.verify(reference, progress: progress)
        }
        return try await BlockingExecutor.run(verify)
    }

    /// Merges another registry into this one, without blocking the caller's thread.
    ///
    /// - Throws: ``RegistryError``, `CancellationError`; what has come in by then is whole.
    @discardableResult
    public func merge(
        _ other: Registry, options: MergeOptions = MergeOptions(), progress: ProgressHandler? = nil
    ) async throws -> MergeReport {
        let merge = { @Sendable () throws -> MergeReport in
            try self.merge(other, options: options, progress: progress)
        }
        return try await BlockingExecutor.run(merge)
    }

    /// Compares two versions, without blocking the caller's thread.
    ///
    /// - Throws: As the form that blocks; `CancellationError`.
    public func diff(
        _ old: String, _ new: String, options: DiffOptions = DiffOptions(), progress: ProgressHandler? = nil
    ) async throws -> ModelDiff {
        let diff = { @Sendable () throws -> ModelDiff in
            try self.diff(old, new, options: options, progress: progress)
        }
        return try await BlockingExecutor.run(diff)
    }

    /// Writes a version, or part of it, to a file, without blocking the caller's thread.
    ///
    /// - Throws: As the form that blocks; `CancellationError`, and then there is no file.
    @discardableResult
    public func exportFile(
        _ reference: String, to path: String? = nil, options: ExportOptions = ExportOptions(),
        progress: ProgressHandler? = nil
    ) async throws -> ExportResult {
        let export = { @Sendable () throws -> ExportResult in
            try self.exportFile(reference, to: path, options: options, progress: progress)
        }
        return try await BlockingExecutor.run(export)
    }

    /// Writes versions into a new registry, without blocking the caller's thread.
    ///
    /// - Throws: As the form that blocks; `CancellationError`, and then there is no file.
    @discardableResult
    public func archive(
        to path: String, models: [String] = [], versions: [String] = [], mayReplace: Bool = false,
        progress: ProgressHandler? = nil
    ) async throws -> ArchiveReport {
        let archive = { @Sendable () throws -> ArchiveReport in
            try self.archive(
                to: path, models: models, versions: versions, mayReplace: mayReplace, progress: progress)
        }
        return try await BlockingExecutor.run(archive)
    }

    /// Writes what one version has and another lacks to a file, without blocking the caller's thread.
    ///
    /// - Throws: As the form that blocks; `CancellationError`, and then there is no file.
    @discardableResult
    public func writePatch(
        from old: String, to new: String, path: String, mayReplace: Bool = false,
        progress: ProgressHandler? = nil
    ) async throws -> PatchSummary {
        let write = { @Sendable () throws -> PatchSummary in
            try self.writePatch(from: old, to: new, path: path, mayReplace: mayReplace, progress: progress)
        }
        return try await BlockingExecutor.run(write)
    }

    /// Adds the version that a patch makes, without blocking the caller's thread.
    ///
    /// - Throws: As the form that blocks; `CancellationError`; then nothing of the version is in the registry.
    @discardableResult
    public func applyPatch(
        at path: String, as model: String? = nil, message: String? = nil, aliases: [String] = [],
        progress: ProgressHandler? = nil
    ) async throws -> SaveResult {
        let apply = { @Sendable () throws -> SaveResult in
            try self.applyPatch(at: path, as: model, message: message, aliases: aliases, progress: progress)
        }
        return try await BlockingExecutor.run(apply)
    }

    /// Packs models, without blocking the caller's thread.
    ///
    /// - Throws: ``RegistryError``, `CancellationError`. What has been done by then is kept.
    @discardableResult
    public func pack(
        _ models: [String]? = nil, effort: EncodingEffort = .fast, progress: ProgressHandler? = nil
    ) async throws -> PackingReport {
        let pack = { @Sendable () throws -> PackingReport in
            try self.pack(models, effort: effort, progress: progress)
        }
        return try await BlockingExecutor.run(pack)
    }

    /// Frees what no version needs, without blocking the caller's thread.
    ///
    /// - Throws: ``RegistryError``, `CancellationError`. What has been done by then is kept.
    @discardableResult
    public func collectGarbage(dryRun: Bool = false) async throws -> GarbageReport {
        let collect = { @Sendable () throws -> GarbageReport in try self.collectGarbage(dryRun: dryRun) }
        return try await BlockingExecutor.run(collect)
    }

    /// Deletes or thins the versions that a policy does not keep, without blocking the caller's thread. It is one
    /// transaction, which cancelling does not end.
    ///
    /// - Throws: As the form that blocks.
    @discardableResult
    public func prune(
        _ model: String, _ policy: RetentionPolicy, dropping patterns: [String] = thinnedPaths
    ) async throws -> [PruneDecision] {
        let prune = { @Sendable () throws -> [PruneDecision] in
            try self.prune(model, policy, dropping: patterns)
        }
        return try await BlockingExecutor.run(prune)
    }
}

/// A value that one thread makes or holds and another one reads, never both at once.
private struct Carried<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
