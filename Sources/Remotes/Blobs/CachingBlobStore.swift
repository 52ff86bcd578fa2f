package import Checkpoints
import Synchronization

/// A repository whose manifests, tags and small blobs are asked for once; for as long as one reading of it takes.
package final class CachingBlobStore: BlobStore {
    private let store: any BlobStore
    private let cache = Mutex(Cache())

    private struct Cache {
        var tags: [String]?
        var manifests: [ManifestReference: StoredManifest?] = [:]
        var blobs: [ContentID: [UInt8]] = [:]
    }

    /// Blobs up to this length are kept: trees and facts.
    private static let maximumByteCount = 32 << 20

    package init(_ store: any BlobStore) { self.store = store }

    package var name: String { store.name }

    package var comparesTags: Bool { store.comparesTags }

    package func byteCount(of blob: ContentID) throws -> Int? { try store.byteCount(of: blob) }

    package func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard range == nil, byteCount <= CachingBlobStore.maximumByteCount else {
            return try store.read(blob, byteCount: byteCount, range: range, body)
        }
        var bytes = cache.withLock { $0.blobs[blob] }
        if bytes == nil {
            var found: [UInt8] = []
            try store.read(blob, byteCount: byteCount, range: nil) { found.append(contentsOf: $0) }
            bytes = found
            cache.withLock { $0.blobs[blob] = found }
        }
        try bytes?.withUnsafeBytes { if !$0.isEmpty { try body($0) } }
    }

    package func write(_ blob: BlobSource, progress: (@Sendable (Int) -> Void)?) throws {
        try store.write(blob, progress: progress)
    }

    package func manifest(_ reference: ManifestReference) throws -> StoredManifest? {
        if let known = cache.withLock({ $0.manifests[reference] }) { return known }
        let found = try store.manifest(reference)
        cache.withLock { $0.manifests[reference] = .some(found) }
        return found
    }

    package func write(manifest: [UInt8], mediaType: String, tag: String) throws {
        try store.write(manifest: manifest, mediaType: mediaType, tag: tag)
        cache.withLock { $0 = Cache() }
    }

    package func tags() throws -> [String] {
        if let known = cache.withLock({ $0.tags }) { return known }
        let found = try store.tags()
        cache.withLock { $0.tags = found }
        return found
    }

    package func remove(manifest: ContentID) throws {
        try store.remove(manifest: manifest)
        cache.withLock { $0 = Cache() }
    }
}
