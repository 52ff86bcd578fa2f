import Checkpoints
import Foundations
import Remotes

/// What a look at a remote found.
public struct RemoteVerification: Hashable, Sendable {
    /// Something wrong with a version at the remote.
    public struct Problem: Hashable, Sendable {
        /// What it is called there: `mlp:v3`.
        public let version: String
        /// What is wrong.
        public let problem: String
    }

    /// Versions that were looked at.
    public internal(set) var versionCount = 0
    /// Blobs that they need, each once.
    public internal(set) var blobCount = 0
    /// Bytes of these.
    public internal(set) var byteCount = 0
    /// What is wrong; empty where all is well.
    public internal(set) var problems: [Problem] = []
}

/// A version that was deleted at a remote.
public struct RemoteDeletion: Hashable, Sendable {
    /// What it was called there: `mlp:v3`.
    public let version: String
    /// Its aliases there, which went with it.
    public let aliases: [String]
}

extension Registry {
    /// Looks whether the versions of a model at a remote are whole: manifests, trees, and whether each blob is there.
    ///
    /// - Parameters:
    ///   - isFull: Whether to read each blob and compare it with its digest. Registries that are slow to notice may say of a
    ///     blob that it is there when it is not.
    ///   - remote: A name or an address; `nil` for `origin`.
    /// - Throws: `RemoteError` where the remote does not answer or has no such model, ``RegistryError``.
    /// - Complexity: A few requests for each version, and one for each blob.
    public func verifyRemote(
        _ model: String, at remote: String? = nil, isFull: Bool = false,
        progress: (@Sendable (_ byteCount: Int) -> Void)? = nil
    ) throws -> RemoteVerification {
        try Names.checkModel(model)
        let store = try BlobStores.open(RepositoryAddress(remoteAddress(remote), model: model))
        let catalog = try RemoteCatalog(store)
        guard !catalog.entries.isEmpty else { throw RemoteError.notFound(store.name, what: "versions") }
        var report = RemoteVerification()
        // What is wrong with each blob; `nil` for nothing.
        var known: [ContentID: String?] = [:]
        for entry in catalog.entries {
            try Task.checkCancellation()
            report.versionCount += 1
            func note(_ problem: String) {
                report.problems.append(
                    RemoteVerification.Problem(version: "\(model):v\(entry.number)", problem: problem))
            }
            do {
                guard let version = try RemoteVersion(.tag(entry.tag), in: store) else {
                    note("its manifest is gone")
                    continue
                }
                guard version.identity == entry.identity else {
                    note("its tag is of another version")
                    continue
                }
                _ = try version.tree()
                for blob in version.blobs + (try catalog.plainFiles(of: entry)) {
                    if known[blob.id] == nil {
                        let problem = try Registry.problem(of: blob, in: store, isFull: isFull)
                        known[blob.id] = .some(problem)
                        report.blobCount += 1
                        report.byteCount += blob.byteCount
                        progress?(blob.byteCount)
                    }
                    if let problem = known[blob.id] ?? nil { note(problem) }
                }
            } catch RemoteError.damaged(_, let problem) {
                note(problem)
            } catch RemoteError.missingBlob(_, let digest) {
                note("\(digest) is missing")
            }
        }
        return report
    }

    private static func problem(
        of blob: (id: ContentID, byteCount: Int), in store: any BlobStore, isFull: Bool
    ) throws -> String? {
        let name = "sha256:\(blob.id.hex)"
        guard let byteCount = try store.byteCount(of: blob.id) else { return "\(name) is missing" }
        guard byteCount == blob.byteCount else {
            return "\(name) has \(byteCount) bytes where its manifest says \(blob.byteCount)"
        }
        guard isFull else { return nil }
        do {
            // A whole blob is compared with its digest as it is read.
            try store.read(blob.id, byteCount: blob.byteCount, range: nil) { _ in }
            return nil
        } catch RemoteError.damaged(_, let problem) {
            return "\(name): \(problem)"
        } catch RemoteError.missingBlob {
            return "\(name) is missing"
        }
    }

    /// Deletes a version at a remote. The remote's own garbage collection frees its blobs.
    ///
    /// - Parameters:
    ///   - reference: As it is called there: `mlp:v3`, `mlp:best`.
    ///   - force: Whether to delete a version that aliases name there, and these aliases.
    ///   - dryRun: Whether only to find out what would be deleted.
    /// - Throws: `RemoteError`, also where the remote deletes nothing by this way; ``RegistryError/aliased(model:number:aliases:)``.
    @discardableResult
    public func deleteRemote(
        _ reference: String, at remote: String? = nil, force: Bool = false, dryRun: Bool = false
    ) throws -> RemoteDeletion {
        let wanted = try VersionReference(reference)
        let store = try BlobStores.open(RepositoryAddress(remoteAddress(remote), model: wanted.model))
        let catalog = try RemoteCatalog(store)
        let entry = try catalog.resolve(wanted.selector, stepsBack: wanted.stepsBack)
        guard let stored = try store.manifest(.tag(entry.tag)) else {
            throw RemoteError.notFound(store.name, what: entry.tag)
        }
        let version = "\(wanted.model):v\(entry.number)"
        if let prefix = wanted.contentPrefix {
            guard let found = try RemoteVersion(.digest(stored.digest), in: store)?.contentID else {
                throw RemoteError.notFound(store.name, what: entry.tag)
            }
            guard found.hex.hasPrefix(prefix) else {
                throw RegistryError.contentMismatch(reference: reference, found: found)
            }
        }
        let aliases = try catalog.aliases.filter { try catalog.identity(ofTag: $0) == entry.identity }
        guard aliases.isEmpty || force else {
            throw RegistryError.aliased(model: wanted.model, number: entry.number, aliases: aliases)
        }
        if !dryRun {
            for alias in aliases {
                if let alias = try store.manifest(.tag(alias)) { try store.remove(manifest: alias.digest) }
            }
            // `v3` is the same manifest, and goes with it, or that of its plain files.
            let tag = "v\(entry.number)"
            if catalog.tags.contains(tag), try catalog.identity(ofTag: tag) == entry.identity,
                let named = try store.manifest(.tag(tag)), named.digest != stored.digest
            {
                try store.remove(manifest: named.digest)
            }
            try store.remove(manifest: stored.digest)
        }
        return RemoteDeletion(version: version, aliases: aliases)
    }
}
