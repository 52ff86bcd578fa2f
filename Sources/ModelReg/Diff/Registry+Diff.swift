import Checkpoints
import Dispatch
public import ModelRegistry
import Synchronization
public import WeightDiff

extension ModelDiff {
    /// Compares two sources: versions, files, or one of each.
    ///
    /// Tensors with equal content ids are never read, nor are equal chunks of those that differ. What differs is
    /// decoded chunk by chunk, on all cores, and never held as a whole; only tensors that do not lie packed (a
    /// transposed one, say) are put together first.
    ///
    /// - Parameters:
    ///   - options: What to compare, under which names, and how far.
    ///   - isCancelled: Asked before each chunk whether to stop.
    ///   - onChange: Called with each change as soon as it is known, on any thread, one at a time. It must not use
    ///     the registry.
    /// - Throws: ``RegistryError``, ``PathSelectionError``, ``KeyAlignmentError``; `CancellationError` when cancelled.
    /// - Complexity: O(leaves + bytes of chunks that differ).
    public init(
        from old: WeightSource, to new: WeightSource, options: DiffOptions = DiffOptions(),
        progress: ProgressHandler? = nil, isCancelled: @escaping @Sendable () -> Bool = { false },
        onChange: (@Sendable (WeightChange) -> Void)? = nil
    ) throws {
        let run = DiffRun(
            options: options, progress: progress, isCancelled: isCancelled, onChange: onChange)
        self = try run.diff(from: old, to: new)
    }
}

extension Registry {
    /// What changed from one version to another, and by how much.
    ///
    /// ```swift
    /// let diff = try registry.diff("mlp~1", "mlp")
    /// for change in diff.changes { print(change.path.text, change.statistics?.relativeL2 ?? .nan) }
    /// ```
    ///
    /// - Throws: ``RegistryError``, ``PathSelectionError``, ``KeyAlignmentError``; `CancellationError` when cancelled.
    /// - Complexity: O(leaves + bytes of chunks that differ), on all cores.
    public func diff(
        _ old: String, _ new: String, options: DiffOptions = DiffOptions(), progress: ProgressHandler? = nil,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws -> ModelDiff {
        try ModelDiff(
            from: WeightSource(version: old, of: self), to: WeightSource(version: new, of: self),
            options: options, progress: progress, isCancelled: isCancelled)
    }

    /// The changes from one version to another, each as soon as it is known; not in order.
    ///
    /// The comparison runs beside the caller, who may be slow: what waits are statistics, no tensors. It stops when
    /// the task that awaits the next change is cancelled, or nobody does.
    ///
    /// - Returns: A sequence that throws what ``diff(_:_:options:progress:isCancelled:)`` does.
    public func weightChanges(
        from old: String, to new: String, options: DiffOptions = DiffOptions()
    ) -> AsyncThrowingStream<WeightChange, any Error> {
        AsyncThrowingStream { continuation in
            let flag = Flag()
            continuation.onTermination = { _ in flag.set() }
            DispatchQueue.global().async {
                do {
                    _ = try ModelDiff(
                        from: WeightSource(version: old, of: self), to: WeightSource(version: new, of: self),
                        options: options, isCancelled: { flag.isSet },
                        onChange: { continuation.yield($0) })
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
