import CKernels
import Checkpoints
import GRDB
import TensorCodec

/// What the row of a new chunk says, but for its place.
struct NewChunk: Sendable {
    let id: ContentID
    let checksum: UInt32
    let byteCount: Int
    let codec: ChunkCodec
}

/// Encoded chunks in memory, one after the other, to be inserted as one pack.
final class NewPack: @unchecked Sendable {
    /// Behind the last chunk there is room to try what an encoder tries; hardly ever touched, so hardly ever memory.
    private static let memoryByteCount = PackTable.packByteCount + ChunkEncoder.bound(Chunking.chunkByteCount)

    private let memory = UnsafeMutableRawBufferPointer(
        start: mr_allocate(memoryByteCount), count: memoryByteCount)
    private(set) var byteCount = 0
    private(set) var chunks: [(chunk: NewChunk, offset: Int, byteCount: Int)] = []

    deinit { mr_deallocate(memory.baseAddress, memory.count) }

    private var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<byteCount]) }

    /// Whether any chunk fits, however it is encoded.
    var hasRoom: Bool { PackTable.packByteCount - byteCount >= Chunking.chunkByteCount }

    /// Adds a chunk; there must be room for any.
    ///
    /// - Parameter encode: Writes its encoding to memory of at least ``ChunkEncoder/bound(_:)`` bytes and returns its
    ///   length, at most that of the chunk. Where it throws, nothing is added.
    func append(
        _ encode: (UnsafeMutableRawBufferPointer) throws -> (chunk: NewChunk, byteCount: Int)
    ) rethrows {
        precondition(hasRoom, "a chunk for a pack of \(byteCount) bytes")
        let (chunk, count) = try encode(UnsafeMutableRawBufferPointer(rebasing: memory[byteCount...]))
        chunks.append((chunk, byteCount, count))
        byteCount += count
    }

    /// Takes over the chunks of another pack, if they fit.
    func absorb(_ other: NewPack) -> Bool {
        guard other.byteCount <= PackTable.packByteCount - byteCount else { return false }
        UnsafeMutableRawBufferPointer(rebasing: memory[byteCount...]).copyMemory(from: other.bytes)
        chunks += other.chunks.map { ($0.chunk, $0.offset + byteCount, $0.byteCount) }
        byteCount += other.byteCount
        return true
    }

    func clear() {
        byteCount = 0
        chunks.removeAll(keepingCapacity: true)
    }

    /// Inserts the pack and the rows of its chunks, as keyframes. Leaves out chunks that the registry has by now.
    ///
    /// - Returns: What was inserted.
    func insert(_ db: Database) throws -> InsertedBytes {
        let isKnown = try db.cachedStatement(sql: "SELECT 1 FROM chunk WHERE content_id = ?")
        try remove { try Bool.fetchOne(isKnown, arguments: [$0.id.data]) == true }
        guard byteCount > 0 else { return InsertedBytes() }
        let row = try PackTable.insert(db, bytes)
        let insertChunk = try db.cachedStatement(
            sql: """
                INSERT INTO chunk (content_id, checksum, byte_count, codec, pack, pack_offset, stored_byte_count)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        for (chunk, offset, byteCount) in chunks {
            try insertChunk.execute(arguments: [
                chunk.id.data, Int64(chunk.checksum), chunk.byteCount, Int(chunk.codec.rawValue), row, offset,
                byteCount,
            ])
        }
        return InsertedBytes(
            decoded: chunks.reduce(0) { $0 + $1.chunk.byteCount }, stored: byteCount)
    }

    /// Removes some of the chunks, and moves the others together.
    private func remove(where isUnneeded: (NewChunk) throws -> Bool) rethrows {
        let needed = try chunks.filter { try !isUnneeded($0.chunk) }
        guard needed.count < chunks.count else { return }
        clear()
        for (chunk, offset, count) in needed {
            // Downwards, in order: never over one that is still to be moved.
            UnsafeMutableRawBufferPointer(rebasing: memory[byteCount...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[offset..<offset + count]))
            chunks.append((chunk, byteCount, count))
            byteCount += count
        }
    }
}

/// How much was inserted into packs.
struct InsertedBytes: Sendable {
    /// The chunks' own bytes.
    var decoded = 0
    /// What they take encoded.
    var stored = 0

    static func += (left: inout InsertedBytes, right: InsertedBytes) {
        left.decoded += right.decoded
        left.stored += right.stored
    }
}
