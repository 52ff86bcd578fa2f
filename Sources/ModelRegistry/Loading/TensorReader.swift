import CKernels
import Checkpoints
import Foundations
import GRDB
import Synchronization
import TensorCodec
import Tensors

/// Decodes tensors straight to where they are wanted, on all cores.
struct TensorReader {
    /// A tensor, or a stretch of it, and where its bytes go.
    struct Request {
        let tensor: TensorRow
        /// The bytes wanted; `nil` for all.
        var byteRange: Range<Int>?
        /// For messages.
        let path: CheckpointPath
        let destination: UnsafeMutableRawBufferPointer
    }

    private struct Job: @unchecked Sendable {
        let chunk: ChunkLocation
        /// The part of the chunk that is wanted.
        let part: Range<Int>
        let path: CheckpointPath
        let destination: UnsafeMutableRawBufferPointer
    }

    private let db: Database
    private let reference: String
    private let verifiesHashes: Bool

    /// - Parameters:
    ///   - reference: The version, for messages.
    ///   - verifiesHashes: Whether to check SHA-256 too, and not only the checksum.
    init(_ db: Database, reference: String, verifiesHashes: Bool = false) {
        self.db = db
        self.reference = reference
        self.verifiesHashes = verifiesHashes
    }

    /// Fills all destinations.
    ///
    /// - Throws: ``RegistryError/damaged(_:)`` that names version, path and chunk. Some destinations may have
    ///   been written by then.
    func read(_ requests: [Request], progress: ProgressHandler? = nil) throws {
        let jobs = try jobs(for: requests)
        let packs = PackReader(db)
        let total = jobs.reduce(0) { $0 + $1.destination.count }
        let done = Atomic(0)
        let verifiesHashes = verifiesHashes
        let reference = reference
        try ConcurrentMap.forEach(jobs) { job in
            do {
                if job.part.count == job.chunk.byteCount {
                    try TensorReader.decode(job.chunk, packs, verifiesHashes, into: job.destination)
                } else {
                    var chunk = [UInt8](repeating: 0, count: job.chunk.byteCount)
                    try chunk.withUnsafeMutableBytes { chunk in
                        try TensorReader.decode(job.chunk, packs, verifiesHashes, into: chunk)
                        job.destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[job.part]))
                    }
                }
            } catch var damage as RegistryError.Damage {
                damage.version = reference
                damage.path = job.path.text
                throw RegistryError.damaged(damage)
            }
            if let progress {
                progress(done.add(job.destination.count, ordering: .relaxed).newValue, total)
            }
        }
    }

    private static func decode(
        _ chunk: ChunkLocation, _ packs: PackReader, _ verifiesHashes: Bool,
        into target: UnsafeMutableRawBufferPointer
    ) throws {
        try ChainDecoder.pool.withWorker { try $0.decode(chunk, from: packs, into: target) }
        if verifiesHashes, ContentID(hashing: UnsafeRawBufferPointer(target)) != chunk.contentID {
            throw RegistryError.Damage(chunk: chunk.contentID, problem: "it does not match its hash")
        }
    }

    /// One job for each chunk, in the order of the file.
    private func jobs(for requests: [Request]) throws -> [Job] {
        var finder = try ChunkFinder(db)
        var jobs: [Job] = []
        for request in requests {
            do {
                for (index, chunk) in try finder.chunks(of: request.tensor).enumerated() {
                    let range = Chunking.range(ofChunk: index, byteCount: request.tensor.byteCount)
                    let wanted = request.byteRange ?? 0..<request.tensor.byteCount
                    let part = range.clamped(to: wanted)
                    guard !part.isEmpty else { continue }
                    let start = part.lowerBound - wanted.lowerBound
                    let target = UnsafeMutableRawBufferPointer(
                        rebasing: request.destination[start..<start + part.count])
                    jobs.append(
                        Job(
                            chunk: chunk,
                            part: part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound,
                            path: request.path, destination: target))
                }
            } catch var damage as RegistryError.Damage {
                damage.version = reference
                damage.path = request.path.text
                throw RegistryError.damaged(damage)
            }
        }
        return jobs.sorted { ($0.chunk.pack, $0.chunk.packOffset) < ($1.chunk.pack, $1.chunk.packOffset) }
    }

}

/// Decodes a chunk, by way of the chunks it is a difference from.
final class ChainDecoder {
    private let decoder = ChunkDecoder()
    private var encoded: [UInt8] = []
    private var base: [UInt8] = []
    private var next: [UInt8] = []

    /// Decoders to borrow.
    static let pool = WorkerPool { ChainDecoder() }

    /// Decodes `chunk` into `target` and checks its checksum.
    ///
    /// - Parameter known: A chunk that is decoded already; where the chain comes by it, it goes no deeper.
    /// - Throws: ``RegistryError/Damage``.
    func decode(
        _ chunk: ChunkLocation, from packs: some PackSource, into target: UnsafeMutableRawBufferPointer,
        knowing known: KnownChunk? = nil
    ) throws {
        var chain = [chunk]
        while let base = chain.last?.base {
            if let known, known.id == base.contentID, known.bytes.count == base.byteCount {
                if self.base.count < base.byteCount {
                    self.base = [UInt8](repeating: 0, count: Chunking.chunkByteCount)
                }
                self.base.withUnsafeMutableBytes { $0.copyMemory(from: known.bytes) }
                break
            }
            chain.append(base)
        }
        for link in chain.dropFirst().reversed() {
            if next.count < link.byteCount { next = [UInt8](repeating: 0, count: Chunking.chunkByteCount) }
            try next.withUnsafeMutableBytes { buffer in
                try decodeLink(
                    link, from: packs, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<link.byteCount]))
            }
            swap(&base, &next)
        }
        try decodeLink(chunk, from: packs, into: target)
    }

    private func decodeLink(
        _ chunk: ChunkLocation, from packs: some PackSource, into target: UnsafeMutableRawBufferPointer
    ) throws {
        do {
            if encoded.count < chunk.storedByteCount {
                encoded = [UInt8](repeating: 0, count: max(chunk.storedByteCount, Chunking.chunkByteCount))
            }
            try encoded.withUnsafeMutableBytes { buffer in
                let stored = UnsafeMutableRawBufferPointer(rebasing: buffer[..<chunk.storedByteCount])
                try packs.read(pack: chunk.pack, offset: chunk.packOffset, into: stored)
                try base.withUnsafeBytes { bytes in
                    let base = chunk.base.map { UnsafeRawBufferPointer(rebasing: bytes[..<$0.byteCount]) }
                    try decoder.decode(
                        UnsafeRawBufferPointer(stored), codec: chunk.codec, base: base, into: target)
                }
            }
            guard mr_crc32c(0, target.baseAddress, target.count) == chunk.checksum else {
                throw RegistryError.Damage(problem: "its checksum does not match")
            }
        } catch let error as CodecError {
            throw RegistryError.Damage(chunk: chunk.contentID, problem: "\(error)")
        } catch var damage as RegistryError.Damage {
            damage.chunk = chunk.contentID
            throw damage
        }
    }
}
