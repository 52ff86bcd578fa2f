import Checkpoints
import Foundations
import GRDB
import TensorCodec

/// The chunks of a version's tensors, by content.
struct VersionChunks: Sendable {
    /// A chunk's row.
    struct Entry: Sendable {
        let row: Int64
        let byteCount: Int
    }

    private let entries: [ContentID: Entry]

    /// - Complexity: O(chunks). No chunk is read.
    init(_ db: Database, _ version: Version) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT chunk.id, chunk.content_id, chunk.byte_count FROM chunk WHERE chunk.id IN (
                  SELECT tensor_chunk.chunk FROM parameter JOIN tensor_chunk ON tensor_chunk.tensor = parameter.tensor
                  WHERE parameter.version = ?)
                """,
            arguments: [version.rowID])
        var entries: [ContentID: Entry] = [:]
        while let row = try rows.next() {
            entries[try row.contentID("content_id")] = Entry(
                row: try row.value("id"), byteCount: try row.value("byte_count"))
        }
        self.entries = entries
    }

    subscript(id: ContentID) -> Entry? { entries[id] }
}

/// Chunks whose encoded bytes have been read, to be decoded outside of the transaction.
struct ChunkBatch: Sendable {
    private var locations: [ContentID: ChunkLocation] = [:]
    private var source = LoadedChunks()

    /// Reads the chunks of `version` with these ids.
    ///
    /// - Throws: ``RegistryError/Damage``.
    init(_ db: Database, _ ids: Set<ContentID>, of chunks: VersionChunks) throws {
        guard !ids.isEmpty else { return }
        var finder = try ChunkFinder(db)
        let packs = PackReader(db)
        for id in ids {
            guard let entry = chunks[id], let location = try finder.chunk(entry.row), location.contentID == id
            else {
                throw RegistryError.Damage(
                    chunk: id, problem: "a chunk is gone; perhaps it was deleted just now")
            }
            try source.load(location, from: packs)
            locations[id] = location
        }
    }

    /// The decoded bytes of a chunk.
    ///
    /// - Throws: ``RegistryError/Damage``.
    func decoded(_ id: ContentID) throws -> [UInt8] {
        guard let location = locations[id] else { preconditionFailure("chunk \(id) was not read") }
        return try [UInt8](unsafeUninitializedCapacity: location.byteCount) { buffer, count in
            try ChainDecoder.pool.withWorker { decoder in
                try decoder.decode(location, from: source, into: UnsafeMutableRawBufferPointer(buffer))
            }
            count = location.byteCount
        }
    }

    /// The chunk as it is stored, where that is no difference from another.
    func keyframe(_ id: ContentID) throws -> (codec: ChunkCodec, bytes: [UInt8])? {
        guard let location = locations[id], location.base == nil else { return nil }
        var bytes = [UInt8](repeating: 0, count: location.storedByteCount)
        try bytes.withUnsafeMutableBytes {
            try source.read(pack: location.pack, offset: location.packOffset, into: $0)
        }
        return (location.codec, bytes)
    }
}
