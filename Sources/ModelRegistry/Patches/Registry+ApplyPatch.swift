extension Registry {
    /// Makes the version that a patch is of, where a version with the content that it builds on is there.
    ///
    /// Everything is checked before anything is written: the file against its hash, each chunk, tensor, view and the
    /// whole version against its content id. Nothing in the file is trusted.
    ///
    /// - Parameters:
    ///   - path: The patch, as ``writePatch(from:to:path:mayReplace:progress:)`` wrote it.
    ///   - model: The model to save it as; need not be that of the version it builds on, which becomes its parent. `nil`
    ///     for the name that it has where it comes from.
    ///   - message: What to say about it; `nil` for what was said where it comes from.
    ///   - aliases: Aliases to set on it.
    /// - Returns: The new version: same content id, metrics, attributes and attachments as the one that the patch
    ///   was made of.
    /// - Throws: ``PatchError``, `FileError`, ``RegistryError``; then there is no new version.
    /// - Complexity: O(bytes of the chunks that the patch brings), on all cores. Memory does not grow with the
    ///   tensors, except that views of a part of one are looked at with all of it in memory.
    @discardableResult
    public func applyPatch(
        at path: String, as model: String? = nil, message: String? = nil, aliases: [String] = [],
        progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        if let model { try Names.checkModel(model) }
        for alias in aliases { try Names.checkAlias(alias) }
        let patch = try PatchFile(path: path)
        let model = model ?? String(patch.header.target.reference.prefix { $0 != ":" })
        try Names.checkModel(model)
        let result = try translatingErrors {
            let application = try PatchApplication(self, patch, preferring: model)
            return try application.run(as: model, message: message, aliases: aliases, progress: progress)
        }
        packInBackground(model)
        return result
    }
}
