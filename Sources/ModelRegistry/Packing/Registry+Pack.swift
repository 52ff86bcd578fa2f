import ChunkStore
public import TensorCodec

/// What packing changed.
public struct PackingReport: Hashable, Sendable {
    /// Chunks that became deltas.
    public internal(set) var deltaCount = 0
    /// Chunks that became keyframes.
    public internal(set) var keyframeCount = 0
    /// Stored bytes of these chunks, before and after.
    public internal(set) var byteCountBefore = 0
    /// The same, after.
    public internal(set) var byteCountAfter = 0
}

extension Registry {
    /// Stores what earlier versions have differently as differences from the versions after them.
    ///
    /// The newest version of each model and those that a pinned alias names stay as they were saved, and load at
    /// full speed. Each new encoding is decoded and compared before a transaction puts it in place of the old one:
    /// the call may be interrupted at any instant, and goes on where it was the next time.
    ///
    /// - Parameters:
    ///   - models: Which models; `nil` for all.
    ///   - effort: ``EncodingEffort/best`` takes several times as long, also over what is packed already.
    ///   - progress: Told how many bytes of the version at hand have been looked at, after each batch.
    ///   - isCancelled: Asked between batches whether to stop.
    /// - Throws: ``RegistryError``. What has been done by then is kept.
    @discardableResult
    public func pack(
        _ models: [String]? = nil, effort: EncodingEffort = .fast, progress: ProgressHandler? = nil,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws -> PackingReport {
        try PackProcess(
            registry: self, effort: effort, scope: .all, progress: progress, isCancelled: isCancelled
        )
        .run(models)
    }

    /// Packs what saves have left since the last packing; see ``pack(_:effort:progress:isCancelled:)``.
    @discardableResult
    public func packNewVersions(
        of model: String, progress: ProgressHandler? = nil,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws -> PackingReport {
        try PackProcess(
            registry: self, effort: .fast, scope: .unpacked, progress: progress, isCancelled: isCancelled
        ).run([model])
    }

    /// Gives back the space that packings have left which were cancelled or died before they were done.
    ///
    /// - Complexity: O(chunks) to look, and the bytes of packs of which an eighth is not needed.
    package func tidyPacks() throws {
        try translatingErrors { try GarbageRemoval(store).tidy() }
    }

    /// Waits until the packing that follows saves in the background is done.
    ///
    /// - Throws: What it failed with, if it did. What it had done by then is kept, and so is what was saved.
    public func waitForPacking() throws { try packer.wait() }
}
