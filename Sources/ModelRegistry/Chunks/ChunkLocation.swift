import Checkpoints
import GRDB
import TensorCodec

/// Where a chunk is and how it is encoded, with the chunks it is a difference from.
final class ChunkLocation: Sendable {
    let contentID: ContentID
    let checksum: UInt32
    let byteCount: Int
    let codec: ChunkCodec
    let pack: Int64
    let packOffset: Int
    let storedByteCount: Int
    /// `nil` for a keyframe.
    let base: ChunkLocation?

    /// Links from a delta to its keyframe, at most. Registries are written with far fewer.
    static let maximumDepth = 64

    fileprivate init(_ row: Row, base: ChunkLocation?) throws {
        contentID = try row.contentID("content_id")
        byteCount = try row.value("byte_count")
        pack = try row.value("pack")
        packOffset = try row.value("pack_offset")
        storedByteCount = try row.value("stored_byte_count")
        guard let codec = UInt8(exactly: try row.value("codec", as: Int.self)),
            let checksum = UInt32(exactly: try row.value("checksum", as: Int64.self)),
            (1...Chunking.chunkByteCount).contains(byteCount), packOffset >= 0,
            (0...2 * Chunking.chunkByteCount).contains(storedByteCount)
        else { throw RegistryError.Damage(chunk: contentID, problem: "its row holds impossible numbers") }
        self.codec = ChunkCodec(rawValue: codec)
        self.checksum = checksum
        self.base = base
    }
}

/// Finds chunks, each once.
struct ChunkFinder {
    private let db: Database
    private let ofTensor: Statement
    private let byID: Statement
    private var known: [Int64: ChunkLocation] = [:]

    private static let columns =
        "chunk.id, content_id, checksum, chunk.byte_count, codec, base, pack, pack_offset, stored_byte_count"

    init(_ db: Database) throws {
        self.db = db
        ofTensor = try db.cachedStatement(
            sql: """
                SELECT \(ChunkFinder.columns) FROM tensor_chunk JOIN chunk ON chunk.id = tensor_chunk.chunk
                WHERE tensor = ? ORDER BY ordinal
                """)
        byID = try db.cachedStatement(sql: "SELECT \(ChunkFinder.columns) FROM chunk WHERE id = ?")
    }

    /// The chunks of a tensor, in order: those that its content id was made of.
    ///
    /// - Throws: ``RegistryError/Damage``.
    mutating func chunks(of tensor: TensorRow) throws -> [ChunkLocation] {
        let rows = try Row.fetchAll(ofTensor, arguments: [tensor.rowID])
        // As many as belong there: TensorRow has looked.
        let chunks = try rows.enumerated().map { index, row in
            let chunk = try location(row)
            guard chunk.byteCount == Chunking.range(ofChunk: index, byteCount: tensor.byteCount).count else {
                throw RegistryError.Damage(chunk: chunk.contentID, problem: "it has the wrong length")
            }
            return chunk
        }
        let hash = TensorHash(dtype: tensor.dtype, shape: tensor.shape, chunks: chunks.map(\.contentID))
        guard hash.id == tensor.contentID else {
            throw RegistryError.Damage(problem: "its chunks do not match its content id")
        }
        return chunks
    }

    /// The chunk in a row; `nil` where there is no such row.
    ///
    /// - Throws: ``RegistryError/Damage``.
    mutating func chunk(_ rowID: Int64) throws -> ChunkLocation? {
        try Row.fetchOne(byID, arguments: [rowID]).map { try location($0) }
    }

    private mutating func location(_ row: Row) throws -> ChunkLocation {
        // Down to a keyframe or a known chunk, then up again: no recursion on a chain from a file.
        var chain: [(id: Int64, row: Row)] = []
        var next: Row? = row
        var base: ChunkLocation?
        while let row = next {
            let id: Int64 = try row.value("id")
            if let location = known[id] {
                base = location
                break
            }
            guard chain.count < ChunkLocation.maximumDepth else {
                throw RegistryError.Damage(
                    chunk: try row.contentID("content_id"), problem: "its deltas form a cycle or are too deep")
            }
            chain.append((id, row))
            guard let baseID: Int64 = try row.optional("base") else { break }
            next = try Row.fetchOne(byID, arguments: [baseID])
            if next == nil {
                throw RegistryError.Damage(
                    chunk: try row.contentID("content_id"),
                    problem: "the chunk that it is a delta from is missing")
            }
        }
        for (id, row) in chain.reversed() {
            let location = try ChunkLocation(row, base: base)
            known[id] = location
            base = location
        }
        guard let base else { throw RegistryError.Damage(problem: "a chunk's row is missing") }
        return base
    }
}
