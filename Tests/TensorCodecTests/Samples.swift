import TensorCodec
import TestSupport

extension SeededGenerator {
    /// Nearly normal, with variance 1: the sum of twelve uniform numbers (Irwin–Hall).
    mutating func nextNormal() -> Float {
        var sum: Float = -6
        for _ in 0..<12 { sum += Float(next() >> 40) / Float(1 << 24) }
        return sum
    }
}

/// Byte patterns that a tensor can have.
enum Sample: CaseIterable {
    case random
    case zero
    case constantByte
    case sparse
    case weights
    case nearlyConstant
    case allNaN
    case ascending

    func bytes(_ byteCount: Int, as kind: ElementKind, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        let width = kind.byteWidth
        let elementCount = byteCount / width + 1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(elementCount * width)
        for i in 0..<elementCount {
            let element: UInt64 =
                switch self {
                case .random: generator.next()
                case .zero: 0
                case .constantByte: 0xa5a5_a5a5_a5a5_a5a5
                case .sparse: generator.next() % 16 == 0 ? generator.next() : 0
                case .weights: bits(generator.nextNormal() * 0.02, of: kind)
                case .nearlyConstant:
                    generator.next() % 8 == 0 ? 0x0101_0101_0101_0101 << (generator.next() % 3) : 0
                case .allNaN: bits(.nan, of: kind) | generator.next() & 0x7f
                case .ascending: UInt64(i)
                }
            for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: element >> UInt64(8 * byte))) }
        }
        return [UInt8](bytes[..<byteCount])
    }
}

/// A number as an element of the kind; integers get it times 1000.
func bits(_ x: Float, of kind: ElementKind) -> UInt64 {
    switch kind {
    case .float32: UInt64(x.bitPattern)
    case .bfloat16: UInt64(x.bitPattern >> 16)
    case .float64: Double(x).bitPattern
    case .float16: halfBits(x)
    case .bytes, .integer16, .integer32, .integer64:
        UInt64(bitPattern: Int64((x.isNaN ? 0 : x) * 1000))
    }
}

/// Truncates to half precision; below its normal range to zero. (`Float16` does not exist everywhere.)
private func halfBits(_ x: Float) -> UInt64 {
    let sign = UInt64(x.bitPattern >> 31) << 15
    if x.isNaN { return sign | 0x7e00 }
    let exponent = Int(x.bitPattern >> 23 & 0xff) - 127 + 15
    if exponent <= 0 { return sign }
    if exponent >= 31 { return sign | 0x7c00 }
    return sign | UInt64(exponent) << 10 | UInt64(x.bitPattern >> 13 & 0x3ff)
}

/// The bytes after a step of training: every element moves by about a 500th.
func trained(_ bytes: [UInt8], as kind: ElementKind, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    var result = bytes
    let width = kind.byteWidth
    for start in stride(from: 0, through: bytes.count - width, by: width) {
        var element: UInt64 = 0
        for byte in 0..<width { element |= UInt64(bytes[start + byte]) << UInt64(8 * byte) }
        // Floats of about the same size are about evenly spaced, so a step is a number of spacings.
        let step = generator.nextNormal() * Float(1 << (mantissaWidth(of: kind) - 9))
        element = UInt64(bitPattern: Int64(bitPattern: element) &+ Int64(step))
        for byte in 0..<width { result[start + byte] = UInt8(truncatingIfNeeded: element >> UInt64(8 * byte)) }
    }
    return result
}

private func mantissaWidth(of kind: ElementKind) -> Int {
    switch kind {
    case .float64: 52
    case .float32: 23
    case .float16: 10
    case .bfloat16, .bytes, .integer16, .integer32, .integer64: 9
    }
}

extension ChunkEncoder {
    func encodeDelta(
        _ chunk: [UInt8], from base: [UInt8], as kind: ElementKind, misalignedBy offset: Int = 0
    ) -> EncodedChunk {
        chunk.withCopy(misalignedBy: offset) { chunk in
            base.withCopy(misalignedBy: 7 - offset) { encodeDelta(chunk, from: $0, as: kind) }
        }
    }

    func encode(_ chunk: [UInt8], as kind: ElementKind, misalignedBy offset: Int = 0) -> EncodedChunk {
        chunk.withCopy(misalignedBy: offset) { encode($0, as: kind) }
    }
}

extension ChunkDecoder {
    /// Decodes into memory that ends, and begins, with bytes that must stay as they are.
    func decode(
        _ encoded: [UInt8], codec: ChunkCodec, base: [UInt8]? = nil, byteCount: Int,
        misalignedBy offset: Int = 0
    ) throws -> [UInt8] {
        let guardByteCount = 64
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount + offset + 2 * guardByteCount, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0xcd)
        let range = (guardByteCount + offset)..<(guardByteCount + offset + byteCount)
        let target = UnsafeMutableRawBufferPointer(rebasing: memory[range])
        defer {
            precondition(memory[..<range.lowerBound].allSatisfy { $0 == 0xcd }, "written before the target")
            precondition(memory[range.upperBound...].allSatisfy { $0 == 0xcd }, "written after the target")
        }
        try encoded.withUnsafeBytes { encoded in
            if let base {
                try base.withCopy(misalignedBy: offset) {
                    try decode(encoded, codec: codec, base: $0, into: target)
                }
            } else {
                try decode(encoded, codec: codec, into: target)
            }
        }
        return [UInt8](target)
    }
}
