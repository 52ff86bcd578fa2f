import ModelReg

/// What the two words of the command line name.
struct DiffSides {
    let old: WeightSource
    let new: WeightSource

    /// - Throws: ``RegistryError``, ``BadFile``.
    init(_ old: String, _ new: String, _ options: GlobalOptions) throws {
        var registry: Registry?
        func side(_ text: String) throws -> WeightSource {
            let isPath = text.hasPrefix("./") || text.hasPrefix("../") || text.hasPrefix("/")
            if !isPath {
                do {
                    // Both in one transaction, if they are of one registry.
                    let opened = try registry ?? options.openRegistry()
                    registry = opened
                    return try WeightSource(version: text, of: opened)
                } catch let error as RegistryError where error.isNotFound && FilePresence.isFile(text) {
                    // Not in the registry, but there is such a file.
                }
            }
            return try WeightSource(InputFile.read(text))
        }
        self.old = try side(old)
        self.new = try side(new)
    }
}
