/// What a garbage collection removed, or would remove.
public struct GarbageReport: Hashable, Sendable {
    /// Deleted versions whose rows went.
    public let versionCount: Int
    /// Tensors that no version needs any more.
    public let tensorCount: Int
    /// Chunks that no tensor needs any more.
    public let chunkCount: Int
    /// Chunks that are needed, and were differences from such: they are encoded anew.
    public let rebasedChunkCount: Int
    /// Bytes that the file is shorter by, or would be.
    public let freedByteCount: Int
}

extension Registry {
    /// Removes what no version needs, and gives the space back to the file system.
    ///
    /// Safe beside saves of other threads and processes: chunks that such a save has written already may go too,
    /// but it looks for them in the transaction that makes its version visible, and writes them again. May be
    /// interrupted at any instant.
    ///
    /// - Parameter dryRun: Whether only to say what would be removed.
    /// - Throws: ``RegistryError``.
    /// - Complexity: O(rows removed), the bytes of packs of which an eighth is not needed, and the bytes of deltas
    ///   from what is removed.
    @discardableResult
    public func collectGarbage(dryRun: Bool = false) throws -> GarbageReport {
        let collection = GarbageCollection(self)
        return dryRun ? try collection.rehearse() : try collection.run()
    }
}
