import Checkpoints

/// The attachments among the layers of a manifest.
struct RemoteAttachments: Sendable {
    private let store: any BlobStore
    private let byteCounts: [ContentID: Int]

    private static let maximumByteCount = 256 << 20

    init(_ manifest: OCIManifest, in store: any BlobStore) {
        self.store = store
        byteCounts = Dictionary(
            manifest.layers.compactMap { layer in
                guard layer.mediaType == MediaType.attachment, let id = layer.id else { return nil }
                return (id, layer.size)
            }
        ) { first, _ in first }
    }

    /// Reads an attachment.
    ///
    /// - Throws: ``RemoteError``.
    func bytes(of attachment: VersionFacts.Attachment) throws -> [UInt8] {
        guard attachment.digest.hasPrefix("sha256:"),
            let id = ContentID(hex: attachment.digest.dropFirst("sha256:".count)),
            byteCounts[id] == attachment.size,
            (0...RemoteAttachments.maximumByteCount).contains(attachment.size)
        else { throw RemoteError.damaged(store.name, problem: "an attachment that is no layer") }
        return try store.bytes(of: id, byteCount: attachment.size)
    }
}
