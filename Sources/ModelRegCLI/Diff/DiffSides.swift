import ModelReg

/// What the two words of the command line name.
struct DiffSides {
    let old: WeightSource
    let new: WeightSource
    /// What was fetched of remotes, and is needed as long as the sides are.
    private let views: [RemoteView]

    /// - Throws: ``RegistryError``, ``BadFile``.
    init(_ old: String, _ new: String, _ options: GlobalOptions) throws {
        var registry: Registry?
        func version(_ text: String) throws -> WeightSource? {
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
            return nil
        }
        let remote = try RemoteSides(old, new, version)
        views = remote.views
        let (oldVersion, newVersion) = (try remote.old ?? version(old), try remote.new ?? version(new))
        func file(_ text: String, against version: WeightSource?) throws -> WeightSource {
            // What was saved as it is says nothing else to compare.
            let isOpaque = version?.isOpaqueFile == true && !FilePresence.isFolder(text)
            return try WeightSource(isOpaque ? InputFile.readOpaque(text) : InputFile.read(text))
        }
        self.old = try oldVersion ?? file(old, against: newVersion)
        self.new = try newVersion ?? file(new, against: oldVersion)
    }
}
