import CKernels
import FuzzSupport
import TensorCodec

/// An encoded chunk, of any codec, from any hand: the bytes of the input, or an encoding that the input changes.
///
/// What decodes does so on every processor alike, and comes back when it is encoded anew.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let codec = ChunkCodec(rawValue: input.byte() % 6)
    // Classes of exponents begin at 8192 elements.
    let byteCount =
        input.choice(of: [0, 8, 64, 250, 1000, 4096, 20_000, 40_000]) + Int(input.byte() % 16)
    let base = pattern(byteCount, multiplier: Int(input.byte()))
    let kind = input.byte()
    var encoded: [UInt8]
    if let kind = ElementKind(rawValue: kind) {
        encoded = made(as: kind, codec, pattern(byteCount, multiplier: Int(input.byte())), base)
        input.edit(&encoded)
    } else {
        encoded = input.remainingBytes()
    }
    guard let chunk = decoded(encoded, codec, base, byteCount) else { return 0 }

    mr_limit_level(MR_CPU_PORTABLE)
    require(decoded(encoded, codec, base, byteCount) == chunk, "another chunk on another processor")
    mr_limit_level(MR_CPU_AVX512)
    if codec == .planes {
        require(restores(encoded, chunk), "a chunk that is not what it decodes to")
        if byteCount > 0 {
            var other = chunk
            other[byteCount - 1] ^= 1
            require(!restores(encoded, other), "a chunk that is what it does not decode to")
        }
    }
    guard let kind = encoded.first.flatMap({ ElementKind(rawValue: $0) }) else { return 0 }
    let again = encoding(of: chunk, as: kind, base: codec.needsBase ? base : nil)
    require(decoded(again.bytes, again.codec, base, byteCount) == chunk, "lost by encoding it anew")
    return 0
}

/// A chunk's encoding, where that is of this codec; else any.
private func made(as kind: ElementKind, _ codec: ChunkCodec, _ chunk: [UInt8], _ base: [UInt8]) -> [UInt8] {
    let encoded = encoding(of: chunk, as: kind, base: codec.needsBase ? base : nil)
    return encoded.codec == codec ? encoded.bytes : encoding(of: chunk, as: kind, base: nil).bytes
}

private func encoding(of chunk: [UInt8], as kind: ElementKind, base: [UInt8]?) -> EncodedChunk {
    chunk.withUnsafeBytes { chunk in
        guard let base else { return encoder.encode(chunk, as: kind) }
        return base.withUnsafeBytes { encoder.encodeDelta(chunk, from: $0, as: kind) }
    }
}

nonisolated(unsafe) private let encoder = ChunkEncoder(effort: .best)
nonisolated(unsafe) private let decoder = ChunkDecoder()

/// What it decodes to; `nil` where it is refused. Memory is as long as what it holds, so that a sanitizer sees more.
private func decoded(_ encoded: [UInt8], _ codec: ChunkCodec, _ base: [UInt8], _ byteCount: Int) -> [UInt8]? {
    withCopy(encoded) { encoded in
        withCopy(base) { base in
            let target = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 1)
            defer { target.deallocate() }
            return refusing {
                try decoder.decode(encoded, codec: codec, base: base, into: target)
                return Array(target)
            }
        }
    }
}

private func restores(_ encoded: [UInt8], _ chunk: [UInt8]) -> Bool {
    withCopy(encoded) { encoded in
        withCopy(chunk) { chunk in refusing { try decoder.restoresPlanes(encoded, of: chunk) } ?? false }
    }
}

private func withCopy<Result>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return body(UnsafeRawBufferPointer(copy))
}

/// Bytes that are neither all alike nor noise.
private func pattern(_ count: Int, multiplier: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* multiplier) >> 5) }
}
