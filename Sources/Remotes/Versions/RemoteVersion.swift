package import Checkpoints
import Foundations

/// A version at a remote: its manifest and facts have been read, its tree and chunks not.
package struct RemoteVersion: Sendable {
    package let store: any BlobStore
    package let digest: ContentID
    package let manifest: OCIManifest
    package let facts: VersionFacts
    package let contentID: ContentID
    package let identity: String
    private let treeLayer: (id: ContentID, byteCount: Int)
    /// What chunks lie in, in the order of the manifest's layers: packs, and plain files with weights.
    package let packs: [(id: ContentID, byteCount: Int)]
    private let attachments: RemoteAttachments

    /// Bytes of a config, at most.
    private static let maximumFactsByteCount = 16 << 20
    private static let maximumTreeByteCount = 256 << 20
    private static let maximumPackByteCount = 2 << 30
    private static let maximumFileByteCount = 1 << 50

    /// Reads manifest and facts.
    ///
    /// - Returns: `nil` where there is no such manifest.
    /// - Throws: ``RemoteError``.
    package init?(_ reference: ManifestReference, in store: any BlobStore) throws {
        guard var stored = try store.manifest(reference) else { return nil }
        func damaged(_ problem: String) -> RemoteError { .damaged(store.name, problem: problem) }
        var manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
        if manifest.artifactType == MediaType.modelPack,
            let digest = manifest.annotations?[Annotation.versionDigest]
        {
            guard digest.hasPrefix("sha256:"), let id = ContentID(hex: digest.dropFirst("sha256:".count)),
                let own = try store.manifest(.digest(id))
            else { throw damaged("the plain files of a version whose own manifest is not there") }
            stored = own
            manifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
        }
        guard manifest.artifactType == MediaType.version || manifest.config.mediaType == MediaType.versionFacts
        else { throw damaged("a manifest of something that modelreg did not push") }
        let all = manifest.layers
        func layers(_ limits: [String: Int]) throws(RemoteError) -> [(id: ContentID, byteCount: Int)] {
            var found: [(id: ContentID, byteCount: Int)] = []
            for layer in all {
                guard let limit = limits[layer.mediaType] else { continue }
                guard let id = layer.id, (0...limit).contains(layer.size) else {
                    throw damaged("a layer of an impossible digest or size")
                }
                found.append((id, layer.size))
            }
            return found
        }
        guard let config = manifest.config.id,
            (0...RemoteVersion.maximumFactsByteCount).contains(manifest.config.size)
        else { throw damaged("a config of an impossible digest or size") }
        let facts: VersionFacts = try RemoteJSON.decoded(
            try store.bytes(of: config, byteCount: manifest.config.size), from: store.name)
        let contentID = try facts.checkedContentID(from: store.name)
        guard let tree = try layers([MediaType.tree: RemoteVersion.maximumTreeByteCount]).first else {
            throw damaged("a version without a tree")
        }
        self.store = store
        digest = stored.digest
        self.manifest = manifest
        self.facts = facts
        self.contentID = contentID
        identity = RemoteTag.identity(contentID, createdAt: facts.createdAt)
        treeLayer = tree
        packs = try layers(
            [
                MediaType.pack: RemoteVersion.maximumPackByteCount,
                MediaType.weights: RemoteVersion.maximumFileByteCount,
            ])
        attachments = RemoteAttachments(manifest, in: store)
    }

    /// Reads and checks the tree.
    ///
    /// - Throws: ``RemoteError``.
    package func tree() throws -> VersionTree {
        let bytes = try store.bytes(of: treeLayer.id, byteCount: treeLayer.byteCount)
        let tree: VersionTree
        do {
            tree = try VersionTree(decoding: bytes, packs: packs)
        } catch {
            throw RemoteError.damaged(store.name, problem: error.text)
        }
        guard tree.manifest.contentID == contentID else {
            throw RemoteError.damaged(store.name, problem: "a tree that does not match its content id")
        }
        return tree
    }

    /// The plain files that chunks lie in.
    package var files: [ContentID] {
        manifest.layers.filter { $0.mediaType == MediaType.weights }.compactMap(\.id)
    }

    /// All blobs that the manifest names.
    package var blobs: [(id: ContentID, byteCount: Int)] {
        (manifest.layers + [manifest.config]).compactMap { blob in blob.id.map { ($0, blob.size) } }
    }

    /// Reads an attachment.
    ///
    /// - Throws: ``RemoteError``.
    package func bytes(of attachment: VersionFacts.Attachment) throws -> [UInt8] {
        try attachments.bytes(of: attachment)
    }
}

extension VersionFacts {
    /// Checks facts that may come from anybody.
    ///
    /// - Parameter remote: For messages.
    /// - Returns: The content id.
    /// - Throws: ``RemoteError/damaged(_:problem:)``.
    package func checkedContentID(from remote: String) throws(RemoteError) -> ContentID {
        guard format == VersionFacts.currentFormat else {
            throw .damaged(
                remote, problem: "a version of format \(format), of a newer modelreg; please upgrade")
        }
        guard let contentID = ContentID(hex: contentID), number >= 1, number < 1 << 53, step ?? 0 >= 0,
            Timestamp.date(createdAt) != nil
        else { throw .damaged(remote, problem: "a version with impossible facts") }
        return contentID
    }
}
