import Checkpoints
import Remotes
import Synchronization

/// A store that compares tags as a bucket does, and where another may write a tag just before this does.
final class ComparingStore: BlobStore {
    private let store: any BlobStore
    /// What was seen of each tag; `nil` within for none.
    private let seen = Mutex<[String: ContentID?]>([:])
    private let before: Mutex<[String: @Sendable () throws -> Void]>

    private let isLate: Mutex<Bool>

    /// - Parameters:
    ///   - isLate: Whether the first list is that of a while ago, when nothing was there.
    ///   - before: What happens before a tag is written for the first time.
    init(
        _ store: any BlobStore, isLate: Bool = false, before: [String: @Sendable () throws -> Void] = [:]
    ) {
        self.store = store
        self.isLate = Mutex(isLate)
        self.before = Mutex(before)
    }

    var name: String { store.name }
    var comparesTags: Bool { true }

    func byteCount(of blob: ContentID) throws -> Int? { try store.byteCount(of: blob) }

    func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try store.read(blob, byteCount: byteCount, range: range, body)
    }

    func write(_ blob: BlobSource, progress: (@Sendable (Int) -> Void)?) throws {
        try store.write(blob, progress: progress)
    }

    func manifest(_ reference: ManifestReference) throws -> StoredManifest? {
        let found = try store.manifest(reference)
        if case .tag(let tag) = reference { seen.withLock { $0[tag] = .some(found?.digest) } }
        return found
    }

    func write(manifest: [UInt8], mediaType: String, tag: String) throws {
        try before.withLock { $0.removeValue(forKey: tag) }?()
        let expected = seen.withLock { $0[tag] } ?? nil
        guard try store.manifest(.tag(tag))?.digest == expected else {
            throw RemoteError.changedMeanwhile(name, tag: tag)
        }
        try store.write(manifest: manifest, mediaType: mediaType, tag: tag)
        seen.withLock { $0[tag] = .some(ContentID(hashing: manifest)) }
    }

    func tags() throws -> [String] {
        let isLate = isLate.withLock { isLate in
            defer { isLate = false }
            return isLate
        }
        return isLate ? [] : try store.tags()
    }

    func remove(manifest: ContentID) throws { try store.remove(manifest: manifest) }
}
