package import Checkpoints

extension BlobStore {
    /// A whole blob, in memory.
    ///
    /// - Throws: ``RemoteError``.
    package func bytes(of blob: ContentID, byteCount: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        try read(blob, byteCount: byteCount, range: nil) { bytes.append(contentsOf: $0) }
        guard bytes.count == byteCount, ContentID(hashing: bytes) == blob else {
            throw RemoteError.damaged(name, problem: "a blob that does not match its digest")
        }
        return bytes
    }

    /// Writes a small blob, unless it is there.
    ///
    /// - Returns: What a manifest names it by.
    package func send(
        _ bytes: [UInt8], _ mediaType: String, annotations: [String: String]? = nil
    ) throws -> OCIDescriptor {
        let blob = BlobSource(bytes)
        if try byteCount(of: blob.digest) != bytes.count { try write(blob, progress: nil) }
        return OCIDescriptor(
            mediaType: mediaType, digest: blob.digest, size: bytes.count, annotations: annotations)
    }
}
