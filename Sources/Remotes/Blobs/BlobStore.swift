package import Checkpoints

/// One repository at a remote: blobs named by their SHA-256, and manifests that tags point at.
///
/// May be called from several threads at once. Each call throws ``RemoteError``, or `FileError` where a folder is the
/// remote, and has then changed nothing that anybody sees.
package protocol BlobStore: Sendable {
    /// What messages call the repository; without credentials.
    var name: String { get }

    // MARK: Blobs

    /// The length of a blob; `nil` where the remote does not have it.
    func byteCount(of blob: ContentID) throws -> Int?

    /// Reads a blob, or the part of it that `range` names, front to back.
    ///
    /// Bytes are handed over as they come: a whole blob is known to match its digest when the call returns, a part never
    /// is. Where a connection ends early, the rest is asked for again.
    ///
    /// - Parameters:
    ///   - byteCount: The length of the blob, as a manifest says. A remote that sends more is damaged.
    ///   - body: Gets at least one byte each time. What it throws ends the call.
    /// - Throws: ``RemoteError/missingBlob(_:digest:)``, ``RemoteError/damaged(_:problem:)`` and others.
    func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws

    /// Writes a blob. It is on the remote's disk, as far as the remote tells, when the call returns.
    ///
    /// - Parameter progress: Gets the number of further bytes that were sent. Sending a part again counts once.
    func write(_ blob: BlobSource, progress: (@Sendable (Int) -> Void)?) throws

    // MARK: Manifests

    /// The manifest of a tag or digest; `nil` where there is none.
    ///
    /// Its bytes match `digest`, and where it was asked for by digest, that.
    func manifest(_ reference: ManifestReference) throws -> StoredManifest?

    /// Writes a manifest and points a tag at it. All blobs that it names are there.
    ///
    /// - Throws: ``RemoteError/missingBlob(_:digest:)`` where one is not, after all.
    func write(manifest: [UInt8], mediaType: String, tag: String) throws

    /// Whether a tag is written only if it is what it was when this read it last, by ``manifest(_:)`` or ``tags()``; else
    /// ``RemoteError/changedMeanwhile(_:tag:)`` is thrown. `false` where the last one to write a tag has it.
    var comparesTags: Bool { get }

    /// All tags, sorted. Empty where there is no such repository.
    func tags() throws -> [String]

    /// Deletes a manifest with all its tags. One that is not there is no error.
    ///
    /// - Throws: ``RemoteError/refused(_:problem:)`` where the remote deletes nothing by this way.
    func remove(manifest: ContentID) throws
}

extension BlobStore {
    /// Registries do not.
    package var comparesTags: Bool { false }
}

/// Which manifest.
package enum ManifestReference: Hashable, Sendable {
    case tag(String)
    case digest(ContentID)
}

/// A manifest as the remote has it.
package struct StoredManifest: Sendable {
    package let digest: ContentID
    package let mediaType: String
    package let bytes: [UInt8]

    package init(digest: ContentID, mediaType: String, bytes: [UInt8]) {
        self.digest = digest
        self.mediaType = mediaType
        self.bytes = bytes
    }

    /// Bytes of a manifest, at most; registries take no more than 4 MiB.
    package static let maximumByteCount = 4 << 20
}

/// The bytes of a blob that is to be written; they can be read as often as it takes.
package struct BlobSource: Sendable {
    package let digest: ContentID
    package let bytes: BlobBytes

    package init(_ bytes: [UInt8]) { self.init(BlobBytes(bytes)) }

    package init(_ bytes: BlobBytes) {
        digest = bytes.withUnsafeBytes { ContentID(hashing: $0) }
        self.bytes = bytes
    }
}
