import Checkpoints
import ChunkStore
import GRDB
import TensorCodec

/// The chunks of a version's tensors, by content, to be read at any time.
struct VersionChunks: Sendable {
    private let chunks: [ContentID: ChunkLocation]
    private let session: ReadSession

    /// Finds the chunks.
    ///
    /// - Throws: ``RegistryError/damaged(_:)``.
    /// - Complexity: O(chunks). No chunk is read.
    init(_ registry: Registry, _ db: Database, _ content: VersionContent) throws {
        var finder = try ChunkFinder(db)
        var chunks: [ContentID: ChunkLocation] = [:]
        var seen: Set<Int64> = []
        for leaf in content.leaves {
            guard case .tensor(let row, _, _) = leaf.content, seen.insert(row.rowID).inserted else { continue }
            try locatingDamage(version: content.version.reference, path: leaf.path) {
                for chunk in try TensorChunkTable.chunks(of: row, &finder, db) {
                    chunks[chunk.contentID] = chunk
                }
            }
        }
        self.chunks = chunks
        session = try ReadSession(registry.store, db)
    }

    subscript(id: ContentID) -> ChunkLocation? { chunks[id] }

    /// Reads the encoded bytes of some of the chunks.
    ///
    /// - Throws: `StoreDamage`, `ChunkGone`, `StoreError`.
    func load(_ ids: some Collection<ContentID>) throws -> LoadedChunks {
        let wanted = try ids.map { id in
            guard let chunk = chunks[id] else { throw ChunkGone(id: id) }
            return chunk
        }
        let (encoded, found) = try session.load(wanted)
        return LoadedChunks(
            chunks: Dictionary(found.map { ($0.contentID, $0) }) { first, _ in first }, encoded: encoded)
    }
}

/// Chunks whose encoded bytes have been read, to be decoded on any thread.
struct LoadedChunks: Sendable {
    fileprivate let chunks: [ContentID: ChunkLocation]
    fileprivate let encoded: EncodedBytes

    /// The decoded bytes of a chunk.
    ///
    /// - Throws: `StoreDamage`.
    func decoded(_ id: ContentID) throws -> [UInt8] {
        guard let chunk = chunks[id] else { preconditionFailure("chunk \(id) was not read") }
        return try [UInt8](unsafeUninitializedCapacity: chunk.byteCount) { buffer, count in
            try ChainDecoder.with {
                try $0.decode(chunk, from: encoded, into: UnsafeMutableRawBufferPointer(buffer))
            }
            count = chunk.byteCount
        }
    }

    /// The chunk as it is stored, where that is no difference from another.
    func keyframe(_ id: ContentID) throws -> (codec: ChunkCodec, bytes: [UInt8])? {
        guard let chunk = chunks[id], chunk.base == nil else { return nil }
        return (chunk.codec, [UInt8](try encoded[chunk]))
    }
}
