public import Checkpoints
import Foundations
public import ModelRegistry
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
}

/// A value that one thread makes or holds and another one reads, never both at once.
private struct Carried<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
