import CKernels
import Checkpoints
import Foundations
import TensorCodec

/// Decodes chunks that came from outside of a store, and compares them with their checksums and ids.
package enum ProvenDecoder {
    private static let pool = WorkerPool { ChunkDecoder() }

    /// The decoded bytes of a chunk, known to be those that its id says.
    ///
    /// - Parameter base: The decoded chunk that it is a difference from; `nil` for a keyframe.
    /// - Throws: ``StoreDamage``.
    package static func decoded(
        _ chunk: ChunkRecord, _ encoded: [UInt8], base: [UInt8]?
    ) throws -> [UInt8] {
        let bytes = try [UInt8](unsafeUninitializedCapacity: chunk.byteCount) { buffer, count in
            do {
                try pool.withWorker { decoder in
                    try encoded.withUnsafeBytes { encoded in
                        func decode(_ base: UnsafeRawBufferPointer?) throws {
                            try decoder.decode(
                                encoded, codec: chunk.codec, base: base,
                                into: UnsafeMutableRawBufferPointer(buffer))
                        }
                        if let base { try base.withUnsafeBytes { try decode($0) } } else { try decode(nil) }
                    }
                }
            } catch let error as CodecError {
                throw StoreDamage(chunk: chunk.id, problem: "\(error)")
            }
            count = chunk.byteCount
        }
        let isRight = bytes.withUnsafeBytes { bytes in
            mr_crc32c(0, bytes.baseAddress, bytes.count) == chunk.checksum
                && ContentID(hashing: bytes) == chunk.id
        }
        guard isRight else {
            throw StoreDamage(chunk: chunk.id, problem: "a chunk that does not match its hash")
        }
        return bytes
    }
}
