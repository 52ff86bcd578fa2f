import CKernels
import Checkpoints
import GRDB
import TensorCodec

/// Encoded chunks in memory, one after the other, to be inserted as one pack.
final class NewPack: FillablePack, @unchecked Sendable {
    /// Behind the last chunk there is room to try what an encoder tries; hardly ever touched, so hardly ever memory.
    private static let memoryByteCount = PackTable.packByteCount + ChunkEncoder.bound(Chunking.chunkByteCount)

    private let memory = UnsafeMutableRawBufferPointer(
        start: mr_allocate(memoryByteCount), count: memoryByteCount)
    private(set) var byteCount = 0
    private(set) var chunks: [(chunk: ChunkRecord, offset: Int)] = []

    deinit { mr_deallocate(memory.baseAddress, memory.count) }

    private var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<byteCount]) }

    /// Whether any chunk fits, however it is encoded.
    var hasRoom: Bool { PackTable.packByteCount - byteCount >= Chunking.chunkByteCount }

    /// Adds a chunk; there must be room for any.
    ///
    /// - Parameter encode: Writes its encoding to memory of at least ``ChunkEncoder/bound(_:)`` bytes; it is at most as
    ///   long as the chunk. Where it throws, nothing is added.
    func append(_ encode: (UnsafeMutableRawBufferPointer) throws -> ChunkRecord) rethrows {
        precondition(hasRoom, "a chunk for a pack of \(byteCount) bytes")
        let chunk = try encode(UnsafeMutableRawBufferPointer(rebasing: memory[byteCount...]))
        chunks.append((chunk, byteCount))
        byteCount += chunk.storedByteCount
    }

    /// Takes over the chunks of another pack, if they fit.
    func absorb(_ other: NewPack) -> Bool {
        guard other.byteCount <= PackTable.packByteCount - byteCount else { return false }
        UnsafeMutableRawBufferPointer(rebasing: memory[byteCount...]).copyMemory(from: other.bytes)
        chunks += other.chunks.map { ($0.chunk, $0.offset + byteCount) }
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
    func insert(_ db: Database) throws -> WrittenBytes {
        let missing = try ChunkTable.missing(chunks.lazy.map(\.chunk.id), db)
        var inserted: Set<ContentID> = []
        remove { !missing.contains($0.id) || !inserted.insert($0.id).inserted }
        guard byteCount > 0 else { return WrittenBytes() }
        let row = try PackTable.insert(db, bytes)
        for (chunk, offset) in chunks {
            _ = try ChunkTable.insert(
                ChunkTable.NewRow(chunk: chunk, place: PackTable.Place(pack: row, offset: offset)), db)
        }
        return WrittenBytes(decoded: chunks.reduce(0) { $0 + $1.chunk.byteCount }, stored: byteCount)
    }

    /// Removes some of the chunks, and moves the others together.
    private func remove(where isUnneeded: (ChunkRecord) -> Bool) {
        let needed = chunks.filter { !isUnneeded($0.chunk) }
        guard needed.count < chunks.count else { return }
        clear()
        for (chunk, offset) in needed {
            // Downwards, in order: never over one that is still to be moved.
            UnsafeMutableRawBufferPointer(rebasing: memory[byteCount...])
                .copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: memory[offset..<offset + chunk.storedByteCount]))
            chunks.append((chunk, byteCount))
            byteCount += chunk.storedByteCount
        }
    }
}
