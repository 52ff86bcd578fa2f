import Foundations
package import Remotes

extension Registry {
    // MARK: Names

    /// Records a remote under a name, in place of another one of this name.
    ///
    /// - Parameter address: `oci://host/namespace`, `oci:folder` or `s3://bucket/prefix`; never with credentials.
    /// - Throws: `RemoteError`, ``RegistryError``.
    public func addRemote(_ name: String, address: String) throws {
        try Names.checkRun(name)
        let address = try RemoteAddress(address).text
        try write { db in try RemoteTable.insert(name, address, db) }
    }

    /// Forgets a remote.
    ///
    /// - Throws: `RemoteError/noRemote(_:)`.
    public func removeRemote(_ name: String) throws {
        guard try write({ db in try RemoteTable.remove(name, db) }) else { throw RemoteError.noRemote(name) }
    }

    /// The remotes, by name.
    public func remotes() throws -> [(name: String, address: String)] {
        try read { db in try RemoteTable.all(db) }
    }

    /// The address of a remote: its own, that of its name, or of `origin`, or of the only one.
    func remoteAddress(_ text: String?) throws -> RemoteAddress {
        if let text, RemoteAddress.isAddress(text) { return try RemoteAddress(text) }
        let all = try remotes()
        if let text {
            guard let found = all.first(where: { $0.name == text }) else { throw RemoteError.noRemote(text) }
            return try RemoteAddress(found.address)
        }
        guard let found = all.first(where: { $0.name == "origin" }) ?? (all.count == 1 ? all.first : nil) else {
            throw RemoteError.noRemote("origin")
        }
        return try RemoteAddress(found.address)
    }

    /// The models at a remote, to be read there.
    ///
    /// - Parameter remote: A name or an address; `nil` for `origin`.
    /// - Throws: `RemoteError`.
    public func remoteRegistry(_ remote: String? = nil) throws -> RemoteRegistry {
        RemoteRegistry(try remoteAddress(remote))
    }

    // MARK: Push and pull

    /// Sends versions to a remote: the chunks that it lacks, and what is known of the versions; the manifest of each last.
    ///
    /// A version that is there already is not sent again. A push that was interrupted is called again and goes on: what
    /// was sent is found. The version keeps its number where no other version has it at the remote.
    ///
    /// - Parameters:
    ///   - references: Versions (`mlp:v7`, `mlp:best`), or models (`mlp`): then their latest version.
    ///   - all: Whether names of models stand for all of their versions.
    ///   - remote: A name or an address; `nil` for `origin`.
    /// - Throws: `RemoteError`, ``RegistryError``. Versions that were sent before stay there.
    /// - Complexity: O(bytes of what the remote lacks), to decode and hash them. Memory: two packs, 64 MiB each as a rule.
    @discardableResult
    public func push(
        _ references: [String], all: Bool = false, to remote: String? = nil,
        options: PushOptions = PushOptions(),
        progress: (@Sendable (_ byteCount: Int) -> Void)? = nil
    ) throws -> PushReport {
        try push(
            references, all: all, to: remote, options: options, opening: BlobStores.open, progress: progress)
    }

    /// The same with stores that the caller opens: for tests that let them fail.
    package func push(
        _ references: [String], all: Bool = false, to remote: String? = nil,
        options: PushOptions = PushOptions(),
        opening open: (RepositoryAddress) throws -> any BlobStore,
        progress: (@Sendable (_ byteCount: Int) -> Void)? = nil
    ) throws -> PushReport {
        let address = try remoteAddress(remote)
        var order: [String] = []
        var versions: [String: [Version]] = [:]
        for text in references {
            let isModel = !text.contains(":") && !text.contains("~") && !text.contains("@")
            let wanted = all && isModel ? try self.versions(of: text) : [try version(text)]
            for version in wanted where versions[version.model]?.contains(version) != true {
                if versions[version.model] == nil { order.append(version.model) }
                versions[version.model, default: []].append(version)
            }
        }
        var report = PushReport()
        for model in order {
            let store = try open(RepositoryAddress(address, model: model))
            var push = try Push(self, to: store, options, progress: progress)
            try push.run(versions[model] ?? [], all: all, &report)
        }
        return report
    }

    /// Brings versions of a remote in: the chunks that are missing here, and what is known of the versions.
    ///
    /// Nothing that the remote sends is trusted: each chunk is decoded and compared with its id, each version with its
    /// content id, and read as a load would before it is there. A pull that was interrupted goes on when it is called
    /// again. What is the same version, and which number others get, is as in ``merge(_:options:progress:)``.
    ///
    /// - Parameters:
    ///   - references: Versions (`mlp:v7`, `mlp:best`) or models (`mlp`): then their latest version.
    ///   - all: Whether names of models stand for all of their versions.
    ///   - remote: A name or an address; `nil` for `origin`.
    /// - Throws: `RemoteError`, ``RegistryError``. Versions that have come in before stay.
    /// - Complexity: O(bytes of what is missing here), to decode and hash them.
    @discardableResult
    public func pull(
        _ references: [String], all: Bool = false, from remote: String? = nil,
        options: PullOptions = PullOptions(), progress: ProgressHandler? = nil
    ) throws -> PullReport {
        try pull(
            references, all: all, from: remote, options: options, opening: BlobStores.open, progress: progress)
    }

    /// The same with stores that the caller opens: for tests that let them fail.
    package func pull(
        _ references: [String], all: Bool = false, from remote: String? = nil,
        options: PullOptions = PullOptions(), opening open: (RepositoryAddress) throws -> any BlobStore,
        progress: ProgressHandler? = nil
    ) throws -> PullReport {
        let address = try remoteAddress(remote)
        var report = PullReport()
        for text in references {
            let reference = try VersionReference(text)
            let store = try open(RepositoryAddress(address, model: reference.model))
            let catalog = try RemoteCatalog(store)
            let isModel = !text.contains(":") && !text.contains("~") && !text.contains("@")
            let entries =
                all && isModel
                ? catalog.entries
                : [try catalog.resolve(reference.selector, stepsBack: reference.stepsBack)]
            if entries.isEmpty { throw RemoteError.notFound(store.name, what: "versions") }
            let pull = Pull(
                ours: self, store: store, catalog: catalog, model: nil, options: options, progress: progress)
            try pull.run(entries, withAllRuns: all && isModel, &report)
        }
        if !options.dryRun {
            for model in Set(report.added.compactMap { try? VersionReference($0.ours).model }) {
                packInBackground(model)
            }
        }
        return report
    }
}
