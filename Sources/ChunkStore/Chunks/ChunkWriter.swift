import CKernels
package import Checkpoints
import Foundations
package import GRDB
import Glibc
import Synchronization
package import TensorCodec

/// Writes chunks from several threads: names, encodes and proves them on the thread that adds them, and inserts them in
/// the background.
///
/// What is named is what is stored: id, checksum and encoding are made of the same private copy of the bytes, which
/// nobody else can change.
package final class ChunkWriter: Sendable {
    private let store: ChunkStore
    private let unfinished: UnfinishedWrite
    private let pipeline: PackPipeline<NewPack>
    private let total = Total()

    /// - Parameters:
    ///   - unfinished: Protects what is inserted until the rows are there that name it.
    ///   - isEager: Whether to hold the lock for longer while nobody else is there; see ``LockPolicy``.
    package init(_ store: ChunkStore, _ unfinished: UnfinishedWrite, isEager: Bool = false) {
        self.store = store
        self.unfinished = unfinished
        let total = total
        let contention = store.contention
        contention.reset()
        pipeline = PackPipeline(
            mode: ConcurrentMap.isSerial ? .serial : isEager ? .eager : .gathering,
            threadCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), isContended: { contention.isSeen },
            pause: LockPolicy.pause,
            insert: { batch in
                let bytes = try store.write { db in
                    var bytes = WrittenBytes()
                    try unfinished.begin(db)
                    if batch.isEager { try PageCache.small.apply(db) }
                    defer { if batch.isEager { try? PageCache.large.apply(db) } }
                    while let pack = batch.next() {
                        bytes += try pack.insert(db)
                        if batch.isEager { PackTable.writeBehind(db) }
                    }
                    return bytes
                }
                total.bytes.withLock { $0 += bytes }
            })
    }

    private final class Total: Sendable {
        let bytes = Mutex(WrittenBytes())
    }

    // MARK: Adding

    /// A chunk to add.
    package struct Source {
        /// Its length, at least 1 and at most that of a chunk.
        package let byteCount: Int
        package let kind: ElementKind
        /// Copies its bytes to private memory of this length.
        package let copy: (UnsafeMutableRawBufferPointer) throws -> Void

        package init(
            byteCount: Int, kind: ElementKind, copy: @escaping (UnsafeMutableRawBufferPointer) throws -> Void
        ) {
            self.byteCount = byteCount
            self.kind = kind
            self.copy = copy
        }
    }

    /// Names one or two chunks, and adds those that are wanted.
    ///
    /// - Parameters:
    ///   - isWanted: Whether to add a chunk, by its place among `sources` and its id.
    ///   - look: Called with the private bytes of each chunk that is added.
    /// - Returns: Their ids.
    /// - Throws: ``StoreDamage`` where an encoding does not decode to the chunk, what a copy threw, and what inserting
    ///   earlier chunks did.
    @discardableResult
    package func add(
        _ sources: [Source], isWanted: (Int, ContentID) throws -> Bool,
        look: (Int, UnsafeRawBufferPointer) -> Void
    ) throws -> [ContentID] {
        try ChunkWriter.buffers.withWorker { buffers in
            let chunks = try sources.enumerated().map { index, source in
                let memory = buffers[index, source.byteCount]
                try source.copy(memory)
                return UnsafeRawBufferPointer(memory)
            }
            let ids: [ContentID]
            if chunks.count == 2 {
                let pair = ContentID.pair(hashing: chunks[0], chunks[1])
                ids = [pair.0, pair.1]
            } else {
                ids = chunks.map { ContentID(hashing: $0) }
            }
            for (index, id) in ids.enumerated() where try isWanted(index, id) {
                try add(chunks[index], id: id, as: sources[index].kind)
                look(index, chunks[index])
            }
            return ids
        }
    }

    private func add(_ chunk: UnsafeRawBufferPointer, id: ContentID, as kind: ElementKind) throws {
        let checksum = mr_crc32c(0, chunk.baseAddress, chunk.count)
        try pipeline.add { pack in
            try pack.append { target in
                let (codec, byteCount) = try StoreDamage.naming(id) {
                    try ProvenEncoder.with(.fast) { try $0.encode(chunk, as: kind, into: target) }
                }
                return ChunkRecord(
                    id: id, checksum: checksum, byteCount: chunk.count, codec: codec, storedByteCount: byteCount
                )
            }
        }
    }

    /// Adds a chunk in an encoding that has been decoded and compared with its id, and is no difference.
    package func add(_ chunk: ChunkRecord, _ encoded: UnsafeRawBufferPointer) throws {
        precondition(
            encoded.count == chunk.storedByteCount && chunk.base == nil, "chunk \(chunk.id) is a delta")
        try pipeline.add { pack in
            pack.append { target in
                target.copyMemory(from: encoded)
                return chunk
            }
        }
    }

    // MARK: Ending

    /// Inserts what is left, and calls `body` in the same transaction.
    ///
    /// - Throws: What inserting threw, and what `body` throws: then the transaction is rolled back.
    package func finish<Result>(_ body: (Database) throws -> Result) throws -> Result {
        let rest = try pipeline.finish()
        let (result, bytes) = try store.write { db in
            var bytes = WrittenBytes()
            if !rest.isEmpty { try unfinished.begin(db) }
            for pack in rest { bytes += try pack.insert(db) }
            return (try body(db), bytes)
        }
        total.bytes.withLock { $0 += bytes }
        return result
    }

    /// Waits until nothing is being inserted any more; chunks that are not inserted yet are dropped.
    package func abandon() { pipeline.abandon() }

    /// What has been inserted so far.
    package var writtenBytes: WrittenBytes { total.bytes.withLock { $0 } }

    // MARK: Memory

    /// Private memory for two chunks.
    private final class Buffers {
        private let chunks = [ChunkBuffer(), ChunkBuffer()]

        subscript(index: Int, byteCount: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: chunks[index].unsafeMutableBytes[..<byteCount])
        }
    }

    private static let buffers = WorkerPool { Buffers() }
}
