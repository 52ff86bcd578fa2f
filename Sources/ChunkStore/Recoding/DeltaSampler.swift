import Foundations
import GRDB
package import TensorCodec

/// Finds out by a stretch of a chunk whether it is shorter as a difference from another chunk than on its own.
package struct DeltaSampler {
    private let store: ChunkStore

    package init(_ store: ChunkStore) { self.store = store }

    /// A stretch of two chunks of one length.
    package struct Sample: Sendable {
        let chunk: Int64
        let base: Int64
        let kind: ElementKind
        let byteOffset: Int
        let byteCount: Int

        /// - Parameters:
        ///   - chunk: The row of the chunk.
        ///   - base: The row of the chunk to try a difference from.
        ///   - byteOffset: Where the stretch begins.
        ///   - byteCount: Its length, which may reach beyond the end.
        package init(chunk: Int64, base: Int64, kind: ElementKind, byteOffset: Int, byteCount: Int) {
            self.chunk = chunk
            self.base = base
            self.kind = kind
            self.byteOffset = byteOffset
            self.byteCount = byteCount
        }
    }

    /// For each of a few samples whether a difference is shorter; `nil` where the chunks cannot be read.
    ///
    /// - Throws: ``StoreError``.
    package func areShorterAsDeltas(_ samples: [Sample]) throws -> [Bool?] {
        let encoded = EncodedBytes()
        let chunks = try store.read { db in
            var finder = try ChunkFinder(db)
            let packs = PackReader(db)
            return try samples.map { sample -> (Sample, chunk: ChunkLocation, base: ChunkLocation)? in
                do {
                    guard let chunk = try finder.chunk(sample.chunk), let base = try finder.chunk(sample.base),
                        chunk.byteCount == base.byteCount, sample.byteOffset < chunk.byteCount
                    else { return nil }
                    try encoded.read(chunk, from: packs)
                    try encoded.read(base, from: packs)
                    return (sample, chunk, base)
                } catch is StoreDamage {
                    return nil
                }
            }
        }
        return ConcurrentMap.map(chunks) { found in
            guard let (sample, chunk, base) = found else { return nil }
            return try? withUnsafeTemporaryAllocation(byteCount: 2 * chunk.byteCount, alignment: 64) { memory in
                let halves = [memory[..<chunk.byteCount], memory[chunk.byteCount...]].map {
                    UnsafeMutableRawBufferPointer(rebasing: $0)
                }
                try ChainDecoder.with { decoder in
                    try decoder.decode(chunk, from: encoded, into: halves[0])
                    try decoder.decode(base, from: encoded, into: halves[1])
                }
                let end = min(sample.byteOffset + sample.byteCount, chunk.byteCount)
                let stretches = halves.map { UnsafeRawBufferPointer(rebasing: $0[sample.byteOffset..<end]) }
                return ProvenEncoder.with(.fast) { encoder in
                    encoder.isShorterAsDelta(stretches[0], from: stretches[1], as: sample.kind)
                }
            }
        }
    }
}
