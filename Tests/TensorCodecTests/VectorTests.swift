import Foundation
import TensorCodec
import Testing

/// Chunks encoded by an earlier version must stay readable. See `Vectors/README.md`.
@Suite struct VectorTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Vectors")

    @Test func everyVectorDecodes() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
            .filter { $0.hasSuffix(".bin") }
        #expect(names.count >= 60)
        for name in names {
            #if !Zstd
            if name.hasSuffix("-zstd.bin") { continue }
            #endif
            let vector = try Vector([UInt8](Data(contentsOf: Self.directory.appending(path: name))))
            let decoded = try ChunkDecoder().decode(
                vector.encoded, codec: vector.codec, base: vector.base.isEmpty ? nil : vector.base,
                byteCount: vector.chunk.count)
            #expect(decoded == vector.chunk, "\(name)")
        }
    }

    #if !Zstd
    @Test func vectorsWithZstdSayWhatIsMissing() throws {
        let file = Self.directory.appending(path: "planes-float32-zstd.bin")
        let vector = try Vector([UInt8](Data(contentsOf: file)))
        #expect(throws: CodecError.zstdUnavailable) {
            try ChunkDecoder().decode(vector.encoded, codec: vector.codec, byteCount: vector.chunk.count)
        }
    }
    #endif

    @Test(.enabled(if: ProcessInfo.processInfo.environment["MODELREG_WRITE_VECTORS"] != nil))
    func writeNewVectors() throws {
        #if Zstd
        let coder = "zstd"
        #else
        let coder = "deflate"
        #endif
        for kind in ElementKind.allCases {
            // 700 elements and a tail; for two classes of exponents, more than 2 × 4096.
            try write("planes-\(kind)-\(coder)", .weights, kind, elementCount: 700)
            try write("whole-\(kind)-\(coder)", .sparse, kind, elementCount: 700)
            try write("delta-\(kind)-\(coder)", .weights, kind, elementCount: 700, isDelta: true)
            try write("unchanged-\(kind)", .weights, kind, elementCount: 40, isDelta: true, steps: 0)
            try write("zero-\(kind)", .zero, kind, elementCount: 40)
            try write("raw-\(kind)", .random, kind, elementCount: 20)
        }
        try write("classes-bfloat16-\(coder)", .weights, .bfloat16, elementCount: 20_000, isDelta: true)
        // Planes of very little entropy and no repeats beyond chance.
        try write("rans-float32-\(coder)", .nearlyConstant, .float32, elementCount: 3000)
        try write("rans-delta-bfloat16-\(coder)", .nearlyConstant, .bfloat16, elementCount: 3000, isDelta: true)
        try write("rans-delta-float32-\(coder)", .nearlyConstant, .float32, elementCount: 3000, isDelta: true)
    }

    private func write(
        _ name: String, _ sample: Sample, _ kind: ElementKind, elementCount: Int, isDelta: Bool = false,
        steps: Int = 1
    ) throws {
        let file = Self.directory.appending(path: name + ".bin")
        guard !FileManager.default.fileExists(atPath: file.path) else { return }
        let base = sample.bytes(elementCount * kind.byteWidth + kind.byteWidth / 2, as: kind, seed: 1)
        let chunk = isDelta && steps > 0 ? trained(base, as: kind, seed: 2) : base
        let encoder = ChunkEncoder()
        let encoded =
            isDelta ? encoder.encodeDelta(chunk, from: base, as: kind) : encoder.encode(chunk, as: kind)
        let vector = Vector(
            codec: encoded.codec, base: encoded.codec.needsBase ? base : [], chunk: chunk,
            encoded: encoded.bytes)
        try Data(vector.bytes).write(to: file)
    }
}

private struct Vector {
    var codec: ChunkCodec
    var base: [UInt8]
    var chunk: [UInt8]
    var encoded: [UInt8]
}

extension Vector {
    struct Truncated: Error {}

    init(_ bytes: [UInt8]) throws {
        func count(at offset: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        guard bytes.count >= 9, bytes.count >= 9 + count(at: 1) + count(at: 5) else { throw Truncated() }
        let chunkStart = 9 + count(at: 1)
        let encodedStart = chunkStart + count(at: 5)
        codec = ChunkCodec(rawValue: bytes[0])
        base = [UInt8](bytes[9..<chunkStart])
        chunk = [UInt8](bytes[chunkStart..<encodedStart])
        encoded = [UInt8](bytes[encodedStart...])
    }

    var bytes: [UInt8] {
        func bytes(of count: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } }
        return [codec.rawValue] + bytes(of: base.count) + bytes(of: chunk.count) + base + chunk + encoded
    }
}
