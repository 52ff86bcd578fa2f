import TensorCodec
import Testing

@Suite struct ChunkEncoderTests {
    @Test(arguments: ElementKind.allCases) func everyLengthComesBack(_ kind: ElementKind) throws {
        let encoder = ChunkEncoder()
        let decoder = ChunkDecoder()
        for sample in Sample.allCases {
            for byteCount in [Int](0...100) + [4095, 4096, 4097, 4103, 40_001] {
                let chunk = sample.bytes(byteCount, as: kind, seed: UInt64(byteCount))
                let encoded = encoder.encode(chunk, as: kind, misalignedBy: byteCount % 7)
                #expect(encoded.bytes.count <= chunk.count)
                let decoded = try decoder.decode(
                    encoded.bytes, codec: encoded.codec, byteCount: byteCount, misalignedBy: byteCount % 5)
                #expect(decoded == chunk, "\(sample), \(byteCount) bytes, \(encoded.codec)")
            }
        }
    }

    @Test(arguments: ElementKind.allCases) func wholeChunksComeBack(_ kind: ElementKind) throws {
        for effort in [EncodingEffort.fast, .best] {
            let encoder = ChunkEncoder(effort: effort)
            let decoder = ChunkDecoder()
            for sample in Sample.allCases {
                let byteCount = effort == .fast ? 1 << 20 : 1 << 17
                let chunk = sample.bytes(byteCount, as: kind, seed: 1)
                let encoded = encoder.encode(chunk, as: kind)
                let decoded = try decoder.decode(encoded.bytes, codec: encoded.codec, byteCount: byteCount)
                #expect(decoded == chunk, "\(sample), \(encoded.codec)")
            }
        }
    }

    @Test(arguments: ElementKind.allCases) func deltasOfEveryLengthComeBack(_ kind: ElementKind) throws {
        let encoder = ChunkEncoder()
        let decoder = ChunkDecoder()
        for sample in Sample.allCases {
            for byteCount in [Int](0...100) + [4095, 4096, 4097, 4103, 70_001, 300_000] {
                let base = sample.bytes(byteCount, as: kind, seed: UInt64(byteCount))
                let other = sample.bytes(byteCount, as: kind, seed: UInt64(byteCount) + 1)
                for chunk in [base, trained(base, as: kind, seed: 1), other] {
                    let encoded = encoder.encodeDelta(
                        chunk, from: base, as: kind, misalignedBy: byteCount % 7)
                    #expect(encoded.bytes.count <= chunk.count)
                    let decoded = try decoder.decode(
                        encoded.bytes, codec: encoded.codec, base: base, byteCount: byteCount,
                        misalignedBy: byteCount % 5)
                    #expect(decoded == chunk, "\(sample), \(byteCount) bytes, \(encoded.codec)")
                }
            }
        }
    }

    @Test func deltasOfTrainedWeightsAreShorterThanKeyframes() {
        let encoder = ChunkEncoder()
        for (kind, least) in [(ElementKind.float32, 1.4), (.bfloat16, 2.5), (.float16, 1.6), (.float64, 1.1)] {
            let base = Sample.weights.bytes(1 << 20, as: kind, seed: 8)
            let chunk = trained(base, as: kind, seed: 9)
            let keyframe = encoder.encode(chunk, as: kind)
            let delta = encoder.encodeDelta(chunk, from: base, as: kind)
            #expect(ratio(delta, of: 1 << 20) > ratio(keyframe, of: 1 << 20), "\(kind)")
            #expect(ratio(delta, of: 1 << 20) > least, "\(kind)")
        }
    }

    @Test func anUnchangedChunkIsAFewBytes() {
        let base = Sample.weights.bytes(1 << 20, as: .float32, seed: 10)
        let encoded = ChunkEncoder().encodeDelta(base, from: base, as: .float32)
        #expect(encoded.codec == .floatDelta)
        #expect(encoded.bytes.count < 100)
    }

    @Test func weightsShrinkAsMuchAsTheirEntropyAllows() {
        let encoder = ChunkEncoder()
        let float32 = encoder.encode(Sample.weights.bytes(1 << 20, as: .float32, seed: 2), as: .float32)
        let bfloat16 = encoder.encode(Sample.weights.bytes(1 << 20, as: .bfloat16, seed: 2), as: .bfloat16)
        // Normal weights have about 2.6 bits of exponent. 8 / (8 + 3 × 8 - 5.4) and 16 / (16 - 5.4), less 1 %.
        #expect(ratio(float32, of: 1 << 20) > 1.19)
        #expect(ratio(bfloat16, of: 1 << 20) > 1.49)
    }

    @Test func runsShrinkToNextToNothing() {
        let encoder = ChunkEncoder()
        let zero = encoder.encode(Sample.zero.bytes(1 << 20, as: .float32, seed: 3), as: .float32)
        #expect(zero.codec == .whole)
        #expect(zero.bytes == [0, 0])
        let ascending = encoder.encode(Sample.ascending.bytes(1 << 20, as: .integer64, seed: 3), as: .integer64)
        #expect(ratio(ascending, of: 1 << 20) > 100)
    }

    @Test func sparseTensorsShrinkByTheirZeros() {
        let chunk = Sample.sparse.bytes(1 << 20, as: .float32, seed: 4)
        let encoded = ChunkEncoder().encode(chunk, as: .float32)
        // One element of 16 is noise: 2 bits, and 0.34 bits for whether it is. As planes, 4 × (0.5 + 0.34).
        #expect(ratio(encoded, of: 1 << 20) > 9.3)
    }

    @Test func emptyRowsAreFoundAsRuns() {
        var chunk = Sample.weights.bytes(1 << 20, as: .float32, seed: 4)
        for row in stride(from: 0, to: chunk.count, by: 1 << 12) where row % (1 << 16) != 0 {
            for i in row..<(row + (1 << 12)) { chunk[i] = 0 }
        }
        let encoded = ChunkEncoder().encode(chunk, as: .float32)
        // One row of 16 is left, at 1.19.
        #expect(ratio(encoded, of: 1 << 20) > 17)
    }

    @Test func noiseIsStoredRaw() {
        let chunk = Sample.random.bytes(1 << 20, as: .bytes, seed: 5)
        for kind in ElementKind.allCases {
            #expect(ChunkEncoder().encode(chunk, as: kind).codec == .raw)
        }
    }

    @Test func whatCameBeforeDoesNotMatter() {
        let used = ChunkEncoder()
        for sample in Sample.allCases {
            for kind in ElementKind.allCases {
                let chunk = sample.bytes(20_000, as: kind, seed: 6)
                let again = used.encode(chunk, as: kind)
                let fresh = ChunkEncoder().encode(chunk, as: kind)
                #expect(again.bytes == fresh.bytes)
                #expect(again.codec == fresh.codec)
            }
        }
    }

    @Test func moreEffortIsNeverLonger() {
        for sample in Sample.allCases {
            let chunk = sample.bytes(1 << 17, as: .float32, seed: 7)
            let fast = ChunkEncoder(effort: .fast).encode(chunk, as: .float32)
            let best = ChunkEncoder(effort: .best).encode(chunk, as: .float32)
            #expect(best.bytes.count <= fast.bytes.count, "\(sample)")
        }
    }
}

func ratio(_ encoded: EncodedChunk, of byteCount: Int) -> Double {
    Double(byteCount) / Double(encoded.bytes.count)
}
