import Checkpoints
import Foundations
import Glibc
package import TensorCodec

/// Encodes chunks, and decodes each again before anybody relies on it.
package final class ProvenEncoder {
    private let encoder: ChunkEncoder
    private let decoder = ChunkDecoder()
    private var decoded = [UInt8](repeating: 0, count: Chunking.chunkByteCount)

    private init(effort: EncodingEffort) {
        encoder = ChunkEncoder(effort: effort)
    }

    /// Encodes a chunk on its own.
    ///
    /// - Throws: ``RegistryError/Damage`` where the encoding does not decode to the chunk.
    package func encode(_ chunk: UnsafeRawBufferPointer, as kind: ElementKind) throws -> EncodedChunk {
        let encoded = encoder.encode(chunk, as: kind)
        try encoded.bytes.withUnsafeBytes { try prove((encoded.codec, $0), chunk, base: nil) }
        return encoded
    }

    /// As ``encode(_:as:)``, to where the encoding is to stay.
    ///
    /// - Parameter target: At least ``ChunkEncoder/bound(_:)`` bytes.
    /// - Returns: How to read the encoding, at the beginning of `target`, and its length.
    package func encode(
        _ chunk: UnsafeRawBufferPointer, as kind: ElementKind, into target: UnsafeMutableRawBufferPointer
    ) throws -> (codec: ChunkCodec, byteCount: Int) {
        let encoded = encoder.encode(chunk, as: kind, into: target)
        try prove(encoded, chunk, base: nil)
        return (encoded.codec, encoded.bytes.count)
    }

    /// Encodes a chunk as a difference from another of the same length.
    ///
    /// - Throws: ``RegistryError/Damage`` where the encoding does not decode to the chunk.
    package func encodeDelta(
        _ chunk: UnsafeRawBufferPointer, from base: UnsafeRawBufferPointer, as kind: ElementKind
    ) throws -> EncodedChunk {
        let encoded = encoder.encodeDelta(chunk, from: base, as: kind)
        try encoded.bytes.withUnsafeBytes { try prove((encoded.codec, $0), chunk, base: base) }
        return encoded
    }

    /// Whether a stretch of elements takes fewer bytes as a difference than on its own.
    package func isShorterAsDelta(
        _ stretch: UnsafeRawBufferPointer, from base: UnsafeRawBufferPointer, as kind: ElementKind
    ) -> Bool {
        encoder.encodeDeltaInPlace(stretch, from: base, as: kind).bytes.count
            < encoder.encodeInPlace(stretch, as: kind).bytes.count
    }

    private func prove(
        _ encoded: EncodedView, _ chunk: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer?
    ) throws {
        // What is stored as it is needs no proof.
        if encoded.codec == .raw, encoded.bytes.baseAddress == chunk.baseAddress { return }
        let isEqual =
            if encoded.codec == .planes {
                try decoder.restoresPlanes(encoded.bytes, of: chunk)
            } else {
                try decoded.withUnsafeMutableBytes { buffer in
                    let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<chunk.count])
                    try decoder.decode(encoded.bytes, codec: encoded.codec, base: base, into: target)
                    guard let decoded = target.baseAddress, let original = chunk.baseAddress else {
                        return true
                    }
                    return memcmp(decoded, original, chunk.count) == 0
                }
            }
        guard isEqual else {
            throw StoreDamage(
                problem: "encoding does not decode to what was encoded; nothing was saved")
        }
    }

    /// Calls `body` with an encoder that nobody else has meanwhile.
    package static func with<Result>(_ effort: EncodingEffort, _ body: (ProvenEncoder) throws -> Result)
        rethrows
        -> Result
    {
        switch effort {
        case .fast: try fast.withWorker(body)
        case .best: try best.withWorker(body)
        }
    }

    private static let fast = WorkerPool { ProvenEncoder(effort: .fast) }
    private static let best = WorkerPool { ProvenEncoder(effort: .best) }
}
