package import Checkpoints
import Foundation
import Foundations
import Synchronization

/// A repository in a bucket of S3, or of another store that speaks its protocol: the files of an OCI image layout as objects,
/// and an object for each tag in place of `index.json`.
///
///     PREFIX/MODEL/blobs/sha256/HEX   a blob, also those that are manifests
///     PREFIX/MODEL/tags/TAG           the descriptor of the manifest that the tag points at: JSON
///
/// A tag is written only if it is still what it was when this looked at it last (`If-Match`, `If-None-Match: *`): of two that
/// write at once, the second one throws ``RemoteError/changedMeanwhile(_:tag:)`` and has changed nothing.
///
/// Source: Amazon S3 API Reference, version 2006-03-01.
package final class S3BlobStore: BlobStore {
    package var name: String { connection.name }
    let connection: S3Connection
    /// Of all keys, with its slash.
    let prefix: String

    /// What this saw of tags.
    let tagStates = Mutex(TagStates())
    /// Blobs that this saw or wrote, and their lengths.
    private let seen = Mutex<[ContentID: Int]>([:])

    /// - Parameters:
    ///   - repository: The prefix of its keys, without a slash at its end.
    /// - Throws: ``RemoteError/badAddress(_:problem:)``, ``RemoteError/noTransport(problem:)``.
    package init(
        bucket: String, repository: String, endpoint: S3Endpoint, keys: any AWSKeySource,
        transport: HTTPTransport? = nil, policy: RetryPolicy = RetryPolicy()
    ) throws(RemoteError) {
        let name = "s3://\(bucket)/\(repository)"
        guard S3Endpoint.isBucket(bucket), S3Endpoint.isPrefix(repository) else {
            throw .badAddress(name, problem: "this is no valid name of a bucket or prefix of keys")
        }
        let ownTransport: HTTPTransport
        if let transport { ownTransport = transport } else { ownTransport = try HTTPTransport() }
        prefix = "\(repository)/"
        connection = S3Connection(
            name: name, endpoint: endpoint, bucket: bucket, keys: keys, transport: ownTransport, policy: policy)
    }

    private func key(_ blob: ContentID) -> String { "\(prefix)blobs/sha256/\(blob.hex)" }

    package var comparesTags: Bool { true }

    // MARK: Blobs

    package func byteCount(of blob: ContentID) throws -> Int? {
        try connection.policy.run(name) { try tryByteCount(of: blob) }
    }

    private func tryByteCount(of blob: ContentID) throws -> Int? {
        let what = "looking for \(blob.short)"
        let answer = try connection.attempt(.init(method: .head, key: key(blob)), what) { _, _ in true }
        switch answer.head.status {
        case 200:
            guard let count = answer.head.contentLength else {
                throw RemoteError.damaged(name, problem: "\(what): it does not say how long that is")
            }
            seen.withLock { $0[blob] = count }
            return count
        case 404: return nil
        default: throw connection.refused(answer, what)
        }
    }

    package func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try BlobReading.read(
            blob, byteCount: byteCount, range: range, remote: name, policy: connection.policy,
            ask: { [self] what, headers, take in
                let answer = try connection.attempt(
                    .init(method: .get, key: key(blob), headers: headers), what, body: take)
                guard BlobReading.statuses.contains(answer.head.status) else {
                    throw connection.refused(answer, what)
                }
                return answer.head
            }, body)
    }

    /// One PUT for the whole blob: packs are far below the 5 GiB that one may have.
    package func write(_ blob: BlobSource, progress: (@Sendable (Int) -> Void)?) throws {
        let what = "writing \(blob.digest.short)"
        let mark = HighWaterMark(progress)
        var tries = Tries(policy: connection.policy, remote: name)
        while true {
            do {
                // The answer may have been cut off, and not the blob.
                if tries.failureCount > 0, try tryByteCount(of: blob.digest) == blob.bytes.count { break }
                // The second header has the store itself compare the bytes, also one that does not look at the first.
                let request = S3Connection.Request(
                    method: .put, key: key(blob.digest),
                    headers: [
                        ("Content-Type", "application/octet-stream"),
                        ("x-amz-checksum-sha256", blob.digest.base64),
                    ],
                    body: blob.bytes, payload: blob.digest)
                let answer = try connection.attempt(
                    request, what, sent: { mark.reach($0) }, body: { _, _ in true })
                guard 200..<300 ~= answer.head.status else { throw connection.refused(answer, what) }
                if let said = answer.head["x-amz-checksum-sha256"], said != blob.digest.base64 {
                    throw RemoteError.damaged(name, problem: "\(what): it has stored other bytes")
                }
                break
            } catch let failure as TemporaryFailure {
                try tries.wait(after: failure)
            }
        }
        seen.withLock { $0[blob.digest] = blob.bytes.count }
        mark.reach(blob.bytes.count)
    }

    // MARK: Manifests

    package func manifest(_ reference: ManifestReference) throws -> StoredManifest? {
        switch reference {
        case .tag(let tag):
            guard RegistryTag.isValid(tag), let entry = try descriptor(ofTag: tag) else { return nil }
            guard let id = entry.id, (0...StoredManifest.maximumByteCount).contains(entry.size) else {
                throw RemoteError.damaged(name, problem: "a manifest of an impossible digest or size")
            }
            return StoredManifest(
                digest: id, mediaType: entry.mediaType, bytes: try bytes(of: id, byteCount: entry.size))
        case .digest(let id):
            guard let byteCount = try byteCount(of: id), byteCount <= StoredManifest.maximumByteCount else {
                return nil
            }
            let bytes = try bytes(of: id, byteCount: byteCount)
            // Which of the blobs are manifests is nowhere written.
            guard let type = try? RemoteJSON.decoded(bytes, as: TypedManifest.self, from: name).mediaType else {
                return nil
            }
            return StoredManifest(digest: id, mediaType: type, bytes: bytes)
        }
    }

    private struct TypedManifest: Decodable { let mediaType: String }

    package func write(manifest: [UInt8], mediaType: String, tag: String) throws {
        guard RegistryTag.isValid(tag) else {
            throw RemoteError.refused(name, problem: "\(quoted(tag)) is not a tag")
        }
        let named: OCIManifest = try RemoteJSON.decoded(manifest, from: name)
        // A bucket compares nothing by itself.
        try ConcurrentMap.forEach(named.layers + [named.config]) { blob throws(any Error) in
            guard let id = blob.id, try isThere(id, byteCount: blob.size) else {
                throw RemoteError.missingBlob(name, digest: blob.digest)
            }
        }
        let blob = BlobSource(manifest)
        try write(blob, progress: nil)
        try write(
            OCIDescriptor(mediaType: mediaType, digest: blob.digest, size: manifest.count), underTag: tag)
    }

    private func isThere(_ blob: ContentID, byteCount: Int) throws -> Bool {
        if seen.withLock({ $0[blob] }) == byteCount { return true }
        return try self.byteCount(of: blob) == byteCount
    }
}

extension ContentID {
    /// The digest in Base64, as checksums of S3 are.
    fileprivate var base64: String { Data(bytes).base64EncodedString() }
}
