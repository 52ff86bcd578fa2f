package import Checkpoints
import Foundations
package import GRDB
import Synchronization

/// Reads chunks that were found in an earlier transaction, as long as the store has them.
///
/// A session holds no lock. It reads the encoded bytes of one batch in a transaction of its own and decodes them after
/// it, so that writers get in between. The content of a chunk never changes; where it is may, by packing: so each batch
/// looks whether anybody has committed since its chunks were found, and then finds them again by their ids. A chunk that
/// has been freed meanwhile is not damage but ``ChunkGone``.
package struct ReadSession: Sendable {
    private let store: ChunkStore
    /// What ``ChunkStore/state(_:)`` was when the chunks were found.
    private let state: UInt64

    /// Begins a session in the transaction that finds the chunks; it outlives that.
    package init(_ store: ChunkStore, _ db: Database) throws {
        self.store = store
        state = try store.state(db)
    }

    /// A chunk to read, and where its bytes go.
    package struct Request: @unchecked Sendable {
        package let chunk: ChunkLocation
        /// The part of the chunk that is wanted.
        package let part: Range<Int>
        /// As many bytes as the part has.
        package let destination: UnsafeMutableRawBufferPointer
        /// Whatever tells the caller which request failed.
        package let tag: Int

        /// - Parameter part: `nil` for the whole chunk.
        package init(
            _ chunk: ChunkLocation, part: Range<Int>? = nil, into destination: UnsafeMutableRawBufferPointer,
            tag: Int = 0
        ) {
            self.chunk = chunk
            self.part = part ?? 0..<chunk.byteCount
            self.destination = destination
            self.tag = tag
        }
    }

    /// A request that found damage.
    package struct Failure: Error {
        package let tag: Int
        package let damage: StoreDamage
    }

    /// Decoded bytes, and chunks, that one transaction reads.
    private static let batchByteCount = 1 << 20
    private static let batchCount = 256

    /// Reads chunks on all cores, in the order in which they lie in the file.
    ///
    /// - Parameters:
    ///   - verifiesHashes: Whether to check SHA-256 too, and not only the checksum.
    ///   - progress: Called outside of transactions.
    /// - Throws: ``Failure``, ``ChunkGone``, ``StoreError``; `CancellationError` where the calling task is cancelled. Some
    ///   destinations may have been written by then.
    package func read(
        _ requests: [Request], verifiesHashes: Bool = false,
        progress: (@Sendable (_ byteCount: Int) -> Void)? = nil
    ) throws {
        try ConcurrentMap.forEach(batches(requests)) { batch in
            try Task.checkCancellation()
            try ReadSession.buffers.withWorker { buffer in
                let chunks = try load(batch.map { ($0.chunk, $0.tag) }, into: buffer)
                for (request, chunk) in zip(batch, chunks) {
                    try ReadSession.failing(request.tag) {
                        try decode(request, chunk, from: buffer, verifiesHashes)
                    }
                }
            }
            progress?(batch.reduce(0) { $0 + $1.destination.count })
        }
    }

    /// Decodes one chunk on the calling thread.
    ///
    /// - Parameter known: A chunk that is decoded already.
    /// - Throws: ``StoreDamage``, ``ChunkGone``, ``StoreError``.
    package func read(
        _ chunk: ChunkLocation, into target: UnsafeMutableRawBufferPointer, knowing known: KnownChunk? = nil
    ) throws {
        do {
            try ReadSession.buffers.withWorker { buffer in
                let chunk = try load([(chunk, 0)], into: buffer, knowing: known)[0]
                try ChainDecoder.with { try $0.decode(chunk, from: buffer, into: target, knowing: known) }
            }
        } catch let failure as Failure {
            throw failure.damage
        }
    }

    /// Reads chunks on all cores, compares them with their hashes, and keeps nothing.
    ///
    /// - Returns: What is wrong with each chunk that is not what its id says: ``StoreDamage`` or ``ChunkGone``.
    /// - Throws: ``StoreError``.
    package func failures(of chunks: [ChunkLocation]) throws -> [(id: ContentID, failure: any Error)] {
        let places = { (chunk: ChunkLocation) in (chunk.pack, chunk.packOffset) }
        return try ConcurrentMap.map(chunks.sorted { places($0) < places($1) }) { chunk in
            try Task.checkCancellation()
            do {
                try ReadSession.chunkBuffers.withWorker { buffer in
                    let target = UnsafeMutableRawBufferPointer(
                        rebasing: buffer.unsafeMutableBytes[..<chunk.byteCount])
                    try read(chunk, into: target)
                    guard ContentID(hashing: UnsafeRawBufferPointer(target)) == chunk.contentID else {
                        throw StoreDamage(chunk: chunk.contentID, problem: "it does not match its hash")
                    }
                }
                return nil
            } catch let damage as StoreDamage {
                return (chunk.contentID, damage)
            } catch let gone as ChunkGone {
                return (chunk.contentID, gone)
            }
        }.compactMap { $0 }
    }

    /// Reads the encoded bytes of chunks, and of all that they are decoded by way of.
    ///
    /// - Returns: The bytes, and where each chunk is now.
    /// - Throws: ``StoreDamage``, ``ChunkGone``, ``StoreError``.
    package func load(_ chunks: [ChunkLocation]) throws -> (EncodedBytes, [ChunkLocation]) {
        let encoded = EncodedBytes()
        do {
            return (encoded, try load(chunks.map { ($0, 0) }, into: encoded))
        } catch let failure as Failure {
            throw failure.damage
        }
    }

    private func load(
        _ chunks: [(ChunkLocation, tag: Int)], into encoded: EncodedBytes, knowing known: KnownChunk? = nil
    ) throws -> [ChunkLocation] {
        try store.read { db in
            encoded.clear()
            let packs = PackReader(db)
            var finder: ChunkFinder? = try store.state(db) == state ? nil : ChunkFinder(db)
            return try chunks.map { chunk, tag in
                try ReadSession.failing(tag) {
                    var chunk = chunk
                    if let found = try finder?.chunk(chunk.contentID) {
                        chunk = found
                    } else if finder != nil {
                        throw ChunkGone(id: chunk.contentID)
                    }
                    try encoded.read(chunk, from: packs, knowing: known)
                    return chunk
                }
            }
        }
    }

    private func decode(
        _ request: Request, _ chunk: ChunkLocation, from encoded: EncodedBytes, _ verifiesHashes: Bool
    ) throws {
        func decode(into target: UnsafeMutableRawBufferPointer) throws {
            try ChainDecoder.with { try $0.decode(chunk, from: encoded, into: target) }
            if verifiesHashes, ContentID(hashing: UnsafeRawBufferPointer(target)) != chunk.contentID {
                throw StoreDamage(chunk: chunk.contentID, problem: "it does not match its hash")
            }
        }
        guard request.part != 0..<chunk.byteCount else { return try decode(into: request.destination) }
        try withUnsafeTemporaryAllocation(byteCount: chunk.byteCount, alignment: 64) { whole in
            try decode(into: whole)
            request.destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[request.part]))
        }
    }

    private func batches(_ requests: [Request]) -> [[Request]] {
        var batches: [[Request]] = []
        var byteCount = 0
        let places = { (request: Request) in (request.chunk.pack, request.chunk.packOffset) }
        for request in requests.sorted(by: { places($0) < places($1) }) {
            if batches.isEmpty || byteCount + request.chunk.byteCount > ReadSession.batchByteCount
                || batches[batches.count - 1].count == ReadSession.batchCount
            {
                batches.append([])
                byteCount = 0
            }
            batches[batches.count - 1].append(request)
            byteCount += request.chunk.byteCount
        }
        return batches
    }

    private static func failing<Result>(_ tag: Int, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let damage as StoreDamage {
            throw Failure(tag: tag, damage: damage)
        }
    }

    private static let buffers = WorkerPool { EncodedBytes() }
    private static let chunkBuffers = WorkerPool { ChunkBuffer() }
}
