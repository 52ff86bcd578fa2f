import Checkpoints
import Remotes
import Synchronization

/// A store whose connection is gone after some requests, which are counted.
final class FailingStore: BlobStore {
    private let store: any BlobStore
    private let allowedCount: Int
    private let rest: Mutex<Int>

    init(_ store: any BlobStore, failingAfter count: Int) {
        self.store = store
        allowedCount = count
        rest = Mutex(count)
    }

    /// Requests that were made.
    var requestCount: Int { allowedCount - rest.withLock { $0 } }

    var name: String { store.name }
    var comparesTags: Bool { store.comparesTags }

    private func spend() throws {
        let isOver = rest.withLock { count in
            count -= 1
            return count < 0
        }
        if isOver { throw RemoteError.unavailable(store.name, problem: "it is gone") }
    }

    func byteCount(of blob: ContentID) throws -> Int? {
        try spend()
        return try store.byteCount(of: blob)
    }

    func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try spend()
        try store.read(blob, byteCount: byteCount, range: range, body)
    }

    func write(_ blob: BlobSource, progress: (@Sendable (Int) -> Void)?) throws {
        try spend()
        try store.write(blob, progress: progress)
    }

    func manifest(_ reference: ManifestReference) throws -> StoredManifest? {
        try spend()
        return try store.manifest(reference)
    }

    func write(manifest: [UInt8], mediaType: String, tag: String) throws {
        try spend()
        try store.write(manifest: manifest, mediaType: mediaType, tag: tag)
    }

    func tags() throws -> [String] {
        try spend()
        return try store.tags()
    }

    func remove(manifest: ContentID) throws {
        try spend()
        try store.remove(manifest: manifest)
    }
}
