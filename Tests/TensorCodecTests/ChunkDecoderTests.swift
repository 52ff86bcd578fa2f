import TensorCodec
import TestSupport
import Testing

@Suite struct ChunkDecoderTests {
    /// Expects an error from bytes written by hand.
    private func expect(
        _ error: CodecError, from bytes: [UInt8], codec: ChunkCodec, byteCount: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) {
            try ChunkDecoder().decode(bytes, codec: codec, byteCount: byteCount)
        }
    }

    @Test(arguments: ElementKind.allCases) func planesRestoreTheirChunkAndNoOther(_ kind: ElementKind) throws {
        let (encoder, decoder) = (ChunkEncoder(), ChunkDecoder())
        for sample in [Sample.weights, .nearlyConstant, .ascending, .zero] {
            // Beside and between the pieces in which planes are compared.
            for byteCount in [
                kind.byteWidth + 1, 100, 2048 * kind.byteWidth, 4096 * kind.byteWidth + 3, 200_001,
            ] {
                let chunk = sample.bytes(byteCount, as: kind, seed: 11)
                let encoded = encoder.encode(chunk, as: kind)
                guard encoded.codec == .planes else { continue }
                func isRestored(_ other: [UInt8]) throws -> Bool {
                    try encoded.bytes.withUnsafeBytes { bytes in
                        try other.withUnsafeBytes { try decoder.restoresPlanes(bytes, of: $0) }
                    }
                }
                #expect(try isRestored(chunk), "\(sample), \(byteCount) bytes")
                for place in [0, byteCount / 2, byteCount - 1] {
                    var other = chunk
                    other[place] ^= 0x10
                    #expect(try !isRestored(other), "\(sample), \(byteCount) bytes, \(place)")
                }
                // A plane of one value has no length.
                guard sample != .zero else { continue }
                #expect(throws: CodecError.self) { _ = try isRestored(chunk.dropLast(kind.byteWidth)) }
            }
        }
    }

    @Test func aChunkWrittenByHandIsRead() throws {
        // Two float32: kind, three constant planes, one raw plane; then a tail of one byte.
        // Rotated elements 0x7f000000 and 0x80000001, so 0x3f800000 (1.0) and 0xc0000000 (-2.0).
        let bytes: [UInt8] = [7, 1, 0x00, 0x01, 0, 0x00, 0, 0x00, 1, 0x7f, 0x80, 0xee]
        let decoded = try ChunkDecoder().decode(bytes, codec: .planes, byteCount: 9)
        #expect(decoded == [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0xee])
    }

    @Test func aDeltaWrittenByHandIsRead() throws {
        // Two int16 that differ from their bases by -1 and 2: zigzagged, 1 and 4; then a tail of one byte.
        let integers: [UInt8] = [2, 1, 1, 4, 0, 0, 0xee]
        let decoded = try ChunkDecoder().decode(
            integers, codec: .integerDelta, base: [0x00, 0x01, 0xfe, 0xff, 0], byteCount: 5)
        #expect(decoded == [0xff, 0x00, 0x00, 0x00, 0xee])
        // One bfloat16: -0 is the integer -1, so 0 differs from it by 1, which zigzags to 2.
        let floats: [UInt8] = [6, 0, 2, 0, 0]
        #expect(
            try ChunkDecoder().decode(floats, codec: .floatDelta, base: [0x00, 0x80], byteCount: 2) == [0, 0])
    }

    @Test func deltasNeedTheirBase() {
        for codec in [ChunkCodec.floatDelta, .integerDelta] {
            expect(.missingBase, from: [2, 0, 1, 0, 0], codec: codec, byteCount: 2)
            #expect(throws: CodecError.wrongBaseByteCount(expected: 2, found: 3)) {
                try ChunkDecoder().decode([2, 0, 1, 0, 0], codec: codec, base: [1, 2, 3], byteCount: 2)
            }
        }
    }

    @Test func deltasMustBeOfAKindOfTheirCodec() {
        #expect(throws: CodecError.unknownElementKind(2)) {
            try ChunkDecoder().decode([2, 0, 1, 0, 0], codec: .floatDelta, base: [1, 2], byteCount: 2)
        }
        #expect(throws: CodecError.unknownElementKind(6)) {
            try ChunkDecoder().decode([6, 0, 1, 0, 0], codec: .integerDelta, base: [1, 2], byteCount: 2)
        }
    }

    @Test func rawChunksMustHaveTheirLength() throws {
        #expect(try ChunkDecoder().decode([1, 2, 3], codec: .raw, byteCount: 3) == [1, 2, 3])
        #expect(try ChunkDecoder().decode([], codec: .raw, byteCount: 0) == [])
        expect(.wrongByteCount(expected: 3, found: 2), from: [1, 2], codec: .raw, byteCount: 3)
        expect(.wrongByteCount(expected: 0, found: 2), from: [1, 2], codec: .raw, byteCount: 0)
    }

    @Test func codecsFromTheFutureAreNamed() {
        expect(.unknownCodec(200), from: [1, 2], codec: ChunkCodec(rawValue: 200), byteCount: 2)
    }

    @Test func elementKindsMustBeKnown() {
        expect(.unknownElementKind(0), from: [0, 0, 0], codec: .planes, byteCount: 4)
        expect(.unknownElementKind(9), from: [9, 0, 0], codec: .planes, byteCount: 4)
    }

    @Test func planeCodingsMustBeKnown() {
        expect(.unknownPlaneCoding(77, offset: 3), from: [2, 0, 5, 77, 1], codec: .planes, byteCount: 4)
        expect(.unknownPlaneCoding(5, offset: 0), from: [5, 1], codec: .whole, byteCount: 4)
    }

    @Test func everyTruncationIsNoticed() {
        expect(.truncated(offset: 0, byteCount: 1), from: [], codec: .planes, byteCount: 4)
        expect(.truncated(offset: 1, byteCount: 1), from: [2], codec: .planes, byteCount: 4)
        expect(.truncated(offset: 2, byteCount: 1), from: [2, 0], codec: .planes, byteCount: 4)
        expect(.truncated(offset: 5, byteCount: 1), from: [2, 0, 7, 1, 8], codec: .planes, byteCount: 4)
        expect(.truncated(offset: 5, byteCount: 1), from: [2, 0, 7, 0, 8], codec: .planes, byteCount: 5)
        expect(.truncated(offset: 3, byteCount: 4), from: [3, 5, 1], codec: .whole, byteCount: 9)
    }

    @Test func nothingMayFollowTheLastPlane() {
        expect(
            .trailingBytes(offset: 5, byteCount: 2), from: [2, 0, 7, 0, 8, 9, 9], codec: .planes, byteCount: 4)
        expect(.trailingBytes(offset: 2, byteCount: 1), from: [0, 7, 1], codec: .whole, byteCount: 4)
        expect(.trailingBytes(offset: 1, byteCount: 1), from: [7, 1], codec: .planes, byteCount: 0)
    }

    @Test func lengthsHaveAtMostFiveBytes() {
        let bytes: [UInt8] = [3, 0xff, 0xff, 0xff, 0xff, 0xff, 1]
        expect(.invalidPlaneLength(offset: 1), from: bytes, codec: .whole, byteCount: 4)
        let huge: [UInt8] = [3, 0xff, 0xff, 0xff, 0xff, 0x7f]
        expect(.truncated(offset: 6, byteCount: (1 << 35) - 1), from: huge, codec: .whole, byteCount: 4)
    }

    @Test func deflatedPlanesMustBeWholeStreamsOfTheirLength() throws {
        // A stored block: last, type 0, its length, the complement, the bytes.
        let stream: [UInt8] = [0x01, 0x02, 0x00, 0xfd, 0xff, 8, 9]
        #expect(try ChunkDecoder().decode([3, 7] + stream, codec: .whole, byteCount: 2) == [8, 9])
        expect(.damagedPlane(offset: 0), from: [3, 7] + stream, codec: .whole, byteCount: 3)
        expect(.damagedPlane(offset: 0), from: [3, 7] + stream, codec: .whole, byteCount: 1)
        expect(.damagedPlane(offset: 0), from: [3, 6] + stream.dropLast(), codec: .whole, byteCount: 2)
        expect(.damagedPlane(offset: 0), from: [3, 8] + stream + [0], codec: .whole, byteCount: 2)
        expect(.damagedPlane(offset: 0), from: [3, 1, 0x07], codec: .whole, byteCount: 2)
        expect(.damagedPlane(offset: 0), from: [3, 0], codec: .whole, byteCount: 2)
    }

    @Test func zstdPlanesMustBeFramesOfTheirLength() throws {
        // Descriptor: nothing optional; window of 1 KiB; a raw block, last, of two bytes.
        let frame: [UInt8] = [0x00, 0x00, 0x11, 0x00, 0x00, 8, 9]
        #if Zstd
        #expect(try ChunkDecoder().decode([2, 7] + frame, codec: .whole, byteCount: 2) == [8, 9])
        expect(.damagedPlane(offset: 0), from: [2, 7] + frame, codec: .whole, byteCount: 3)
        expect(.damagedPlane(offset: 0), from: [2, 7] + frame, codec: .whole, byteCount: 1)
        expect(.damagedPlane(offset: 0), from: [2, 6] + frame.dropLast(), codec: .whole, byteCount: 2)
        expect(.damagedPlane(offset: 0), from: [2, 8] + frame + [0], codec: .whole, byteCount: 2)
        expect(.damagedPlane(offset: 0), from: [2, 0], codec: .whole, byteCount: 2)
        #else
        expect(.zstdUnavailable, from: [2, 7] + frame, codec: .whole, byteCount: 2)
        #endif
    }

    @Test func damagedChunksNeverTrap() {
        let decoder = ChunkDecoder()
        for seed in 0..<24 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            for kind in ElementKind.allCases {
                for sample in Sample.allCases {
                    let byteCount = Int.random(in: 0...9000, using: &generator)
                    let chunk = sample.bytes(byteCount, as: kind, seed: seed)
                    let base = Sample.weights.bytes(byteCount, as: kind, seed: seed)
                    let encodings = [
                        ChunkEncoder().encode(chunk, as: kind),
                        ChunkEncoder().encodeDelta(chunk, from: base, as: kind),
                    ]
                    for encoded in encodings {
                        for _ in 0..<10 {
                            let bytes = encoded.bytes.damaged(using: &generator)
                            let length = Bool.random(using: &generator) ? byteCount : byteCount / 2
                            _ = try? decoder.decode(
                                bytes, codec: encoded.codec, base: [UInt8](base[..<length]), byteCount: length)
                        }
                    }
                }
            }
        }
    }

    @Test func garbageNeverTraps() {
        let decoder = ChunkDecoder()
        for seed in 0..<20_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            // Small numbers are codings and kinds: half the time, begin with some.
            if seed % 2 == 0 { for i in bytes.indices.prefix(6) { bytes[i] %= 10 } }
            let codec = ChunkCodec(rawValue: UInt8(seed % 6))
            let byteCount = Int.random(in: 0...300, using: &generator)
            let base = Sample.random.bytes(byteCount, as: .bytes, seed: seed)
            _ = try? decoder.decode(bytes, codec: codec, base: base, byteCount: byteCount)
        }
    }
}

extension Array where Element == UInt8 {
    /// A few bits flipped, bytes changed, removed or added.
    func damaged(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            // Headers are where most goes wrong, so half of the damage is near the front.
            let reach = Bool.random(using: &generator) ? Swift.min(bytes.count, 12) : bytes.count
            guard reach > 0 else { return [UInt8.random(in: 0...255, using: &generator)] }
            let i = Int.random(in: 0..<reach, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes[i] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[i] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes.removeLast(Int.random(in: 1...(bytes.count - i), using: &generator))
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: i)
            default: bytes.remove(at: i)
            }
        }
        return bytes
    }
}
