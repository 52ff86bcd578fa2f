import CKernels
import Checkpoints
import Dispatch
import GRDB
import Synchronization
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
    private let memory = UnsafeMutableRawBufferPointer(
        start: mr_allocate(PackTable.packByteCount), count: PackTable.packByteCount)
    private(set) var byteCount = 0
    private(set) var chunks: [(chunk: NewChunk, offset: Int, byteCount: Int)] = []

    deinit { mr_deallocate(memory.baseAddress, memory.count) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<byteCount]) }

    func hasRoom(for count: Int) -> Bool { count <= memory.count - byteCount }

    fileprivate func append(_ chunk: NewChunk, _ encoded: UnsafeRawBufferPointer) {
        precondition(hasRoom(for: encoded.count), "a chunk of \(encoded.count) bytes for a pack")
        UnsafeMutableRawBufferPointer(rebasing: memory[byteCount...]).copyMemory(from: encoded)
        chunks.append((chunk, byteCount, encoded.count))
        byteCount += encoded.count
    }

    fileprivate func clear() {
        byteCount = 0
        chunks.removeAll(keepingCapacity: true)
    }
}

/// Joins encoded chunks from several threads to packs, and inserts full batches of them behind these threads'
/// backs. At most two batches are in memory: who adds faster than packs are inserted waits.
final class PackPipeline: Sendable {
    private struct Filling {
        var pack: NewPack?
        var full: [NewPack] = []
        var encodedByteCount = 0
    }

    private let insert: @Sendable ([NewPack]) throws -> Void
    private let filling = Mutex(Filling())
    private let empty = Mutex<[NewPack]>([])
    private let places = DispatchSemaphore(value: 2 * packsPerBatch + 1)
    private let writer = DispatchQueue(label: "modelreg.writer")
    private let failure = Mutex<(any Error)?>(nil)
    /// Whether packs are inserted on the thread that adds to them: work that stays behind other work keeps to it.
    private let isSerial = ConcurrentMap.isSerial

    private static let packsPerBatch = PackTable.batchByteCount / PackTable.packByteCount

    /// - Parameter insert: Inserts packs, in a transaction of its own; called on one thread.
    init(insert: @escaping @Sendable ([NewPack]) throws -> Void) {
        self.insert = insert
    }

    /// Copies an encoded chunk into the pack that is being filled.
    ///
    /// - Throws: What inserting earlier packs threw.
    func add(_ chunk: NewChunk, _ encoded: UnsafeRawBufferPointer) throws {
        try filling.withLock { filling in
            if filling.pack?.hasRoom(for: encoded.count) != true {
                if let pack = filling.pack { filling.full.append(pack) }
                filling.pack = nil
                if filling.full.count == Self.packsPerBatch {
                    enqueue(filling.full)
                    filling.full = []
                }
                filling.pack = try emptyPack()
            }
            filling.pack?.append(chunk, encoded)
            filling.encodedByteCount += encoded.count
        }
    }

    /// Waits until the full batches are inserted.
    ///
    /// - Returns: The packs that are left, to be inserted by the caller, and the encoded bytes of all.
    /// - Throws: What inserting threw.
    func finish() throws -> (rest: [NewPack], encodedByteCount: Int) {
        writer.sync {}
        try throwFailure()
        return filling.withLock { filling in
            (filling.full + (filling.pack.map { [$0] } ?? []), filling.encodedByteCount)
        }
    }

    /// Waits until nothing is being inserted any more, whether or not that went well.
    func abandon() { writer.sync {} }

    private func emptyPack() throws -> NewPack {
        places.wait()
        try throwFailure()
        return empty.withLock { $0.popLast() } ?? NewPack()
    }

    private func enqueue(_ batch: [NewPack]) {
        let work: @Sendable () -> Void = {
            if self.failure.withLock({ $0 == nil }) {
                do { try self.insert(batch) } catch { self.failure.withLock { $0 = error } }
            }
            for pack in batch { pack.clear() }
            self.empty.withLock { $0 += batch }
            for _ in batch { self.places.signal() }
        }
        if isSerial { work() } else { writer.async(execute: work) }
    }

    private func throwFailure() throws {
        if let error = failure.withLock({ $0 }) { throw error }
    }

    deinit {
        // A semaphore must not go with a lower value than it came with.
        for _ in 0..<2 * Self.packsPerBatch + 1 { places.signal() }
    }
}

extension NewPack {
    /// Inserts packs and the rows of their chunks, as keyframes. Leaves out, and removes from the packs, chunks that the
    /// registry has by now.
    ///
    /// - Parameter contention: Where it is given and has seen nobody, the disk begins with each pack at once.
    static func insert(_ packs: [NewPack], _ db: Database, contention: LockContention? = nil) throws {
        guard !packs.isEmpty else { return }
        let isKnown = try db.cachedStatement(sql: "SELECT 1 FROM chunk WHERE content_id = ?")
        let insertChunk = try db.cachedStatement(
            sql: """
                INSERT INTO chunk (content_id, checksum, byte_count, codec, pack, pack_offset, stored_byte_count)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        let writesBehind = contention.map { !$0.isSeen } ?? false
        if writesBehind { try PageCache.small.apply(db) }
        defer { if writesBehind { try? PageCache.large.apply(db) } }
        for pack in packs {
            try pack.remove { try Bool.fetchOne(isKnown, arguments: [$0.id.data]) == true }
            guard pack.byteCount > 0 else { continue }
            let row = try PackTable.insert(db, pack.bytes)
            if writesBehind { PackTable.writeBehind(db) }
            for (chunk, offset, byteCount) in pack.chunks {
                try insertChunk.execute(arguments: [
                    chunk.id.data, Int64(chunk.checksum), chunk.byteCount, Int(chunk.codec.rawValue), row,
                    offset,
                    byteCount,
                ])
            }
        }
    }

    /// Removes some of the chunks, and moves the others together.
    private func remove(where isUnneeded: (NewChunk) throws -> Bool) rethrows {
        let needed = try chunks.filter { try !isUnneeded($0.chunk) }
        guard needed.count < chunks.count else { return }
        clear()
        for (chunk, offset, count) in needed {
            // Downwards, in order: never over one that is still to be moved.
            append(chunk, UnsafeRawBufferPointer(rebasing: memory[offset..<offset + count]))
        }
    }
}
