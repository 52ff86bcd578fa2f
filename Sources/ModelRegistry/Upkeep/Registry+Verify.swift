/// What a verification found.
public struct VerificationReport: Hashable, Sendable {
    /// Number of versions that were checked.
    public let versionCount: Int
    /// Number of tensors that were read and hashed, each once.
    public let tensorCount: Int
    /// Uncompressed bytes of these.
    public let byteCount: Int
    /// Number of versions of which tensors were dropped to save space, so that these could not be checked.
    public let thinnedVersionCount: Int
    /// What is wrong; empty if all is well.
    public let problems: [RegistryError.Damage]
}

extension Registry {
    /// Reads everything there is and compares it with its hashes.
    ///
    /// Checks the database's own integrity, that every chunk decodes to what its id says, every tensor is made of
    /// the chunks that its id says, every version is what its content id says, and every source file can be
    /// given back.
    ///
    /// Holds the lock for a short time, again and again, at the longest while one table is compared with its indexes:
    /// others save meanwhile. A version that is deleted meanwhile is not counted.
    ///
    /// - Parameter reference: One version to check; all of them where it is `nil`.
    /// - Returns: The problems, if any. They do not make the call throw.
    /// - Throws: ``RegistryError`` where the registry cannot be read at all.
    /// - Complexity: O(bytes), each chunk once, on all cores.
    public func verify(_ reference: String? = nil, progress: ProgressHandler? = nil) throws
        -> VerificationReport
    {
        try Verification(self, progress: progress).run(reference)
    }
}
