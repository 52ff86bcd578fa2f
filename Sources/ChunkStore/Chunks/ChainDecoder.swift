import CKernels
package import Checkpoints
import Foundations
import GRDB
import TensorCodec

/// Decodes a chunk, by way of the chunks that it is a difference from.
package final class ChainDecoder {
    private let decoder = ChunkDecoder()
    private var base: [UInt8] = []
    private var next: [UInt8] = []

    private init() {}

    private static let pool = WorkerPool { ChainDecoder() }

    /// Calls `body` with a decoder that nobody else has meanwhile.
    package static func with<Result>(_ body: (ChainDecoder) throws -> Result) rethrows -> Result {
        try pool.withWorker(body)
    }

    /// Decodes `chunk` into `target` and checks its checksum.
    ///
    /// - Parameters:
    ///   - known: A chunk that is decoded already; where the chain comes by it, it goes no deeper.
    ///   - checksChecksums: Whether a chunk whose checksum is another one is damaged.
    /// - Throws: ``StoreDamage``.
    package func decode(
        _ chunk: ChunkLocation, from encoded: EncodedBytes, into target: UnsafeMutableRawBufferPointer,
        knowing known: KnownChunk? = nil, checksChecksums: Bool = true
    ) throws {
        var chain = [chunk]
        var start: UnsafeRawBufferPointer?
        while let link = chain.last, let base = link.base {
            if let known, known.isBase(of: link) {
                start = known.bytes
                break
            }
            chain.append(base)
        }
        for link in chain.dropFirst().reversed() {
            if next.count < link.byteCount { next = [UInt8](repeating: 0, count: Chunking.chunkByteCount) }
            try next.withUnsafeMutableBytes { buffer in
                try decodeLink(
                    link, from: encoded, start, checksChecksums,
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<link.byteCount]))
            }
            swap(&base, &next)
            start = nil
        }
        try decodeLink(chunk, from: encoded, start, checksChecksums, into: target)
    }

    /// The decoded bytes of a chunk, read in the transaction that is open.
    ///
    /// - Throws: ``StoreDamage``.
    static func decode(_ chunk: ChunkLocation, _ db: Database, checksChecksums: Bool = true) throws -> [UInt8] {
        let encoded = EncodedBytes()
        try encoded.read(chunk, from: PackReader(db))
        return try [UInt8](unsafeUninitializedCapacity: chunk.byteCount) { buffer, count in
            try ChainDecoder.with {
                try $0.decode(
                    chunk, from: encoded, into: UnsafeMutableRawBufferPointer(buffer),
                    checksChecksums: checksChecksums)
            }
            count = chunk.byteCount
        }
    }

    /// - Parameter start: The decoded base of `chunk`; `nil` where it is in `base`.
    private func decodeLink(
        _ chunk: ChunkLocation, from encoded: EncodedBytes, _ start: UnsafeRawBufferPointer?,
        _ checksChecksums: Bool, into target: UnsafeMutableRawBufferPointer
    ) throws {
        let stored = try encoded[chunk]
        do {
            try base.withUnsafeBytes { bytes in
                let base = chunk.base.map { start ?? UnsafeRawBufferPointer(rebasing: bytes[..<$0.byteCount]) }
                try decoder.decode(stored, codec: chunk.codec, base: base, into: target)
            }
        } catch let error as CodecError {
            throw StoreDamage(chunk: chunk.contentID, problem: "\(error)")
        }
        guard !checksChecksums || mr_crc32c(0, target.baseAddress, target.count) == chunk.checksum else {
            throw StoreDamage(chunk: chunk.contentID, problem: "its checksum does not match")
        }
    }
}

/// A chunk that is decoded already, so that deltas of it need not decode it again.
package struct KnownChunk {
    /// Its content id.
    package let id: ContentID
    /// Its decoded bytes.
    package let bytes: UnsafeRawBufferPointer

    /// Names a decoded chunk.
    package init(id: ContentID, bytes: UnsafeRawBufferPointer) {
        self.id = id
        self.bytes = bytes
    }

    /// Whether `chunk` is a difference from this one.
    func isBase(of chunk: ChunkLocation) -> Bool {
        chunk.base.map { $0.contentID == id && $0.byteCount == bytes.count } ?? false
    }
}
