import CKernels
import CZstd
import FuzzSupport
import TensorCodec

/// Chunks made up from the input: what is encoded comes back, and is the same on every processor.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let kind = input.choice(of: ElementKind.allCases)
    let encoder = input.byte() % 8 == 0 ? best : fast
    // From 8192 elements on there are classes of exponents, and samples in place of counts; a block of Huffman's has 131,072.
    let byteCount =
        input.choice(of: [
            0, 16, 64, 100, 300, 500, 1000, 2000, 3000, 5000, 9000, 17_000, 34_000, 70_000, 132_000,
        ])
        + Int(input.byte() % 16)
    let noise = input.byte()
    let seed = input.number(byteCount: 2)
    let chunk = Bytes.stretched(input.remainingBytes(), to: byteCount, noise: noise, seed: seed)
    let base = Bytes.stretched(chunk.bytes, to: byteCount, noise: noise | 0x40, seed: seed + 1)

    let whole = encoder.encode(chunk.raw, as: kind)
    require(
        decodes(whole, to: chunk, base: nil), "\(kind) of \(byteCount) bytes is lost by \(whole.codec)")
    let delta = encoder.encodeDelta(chunk.raw, from: base.raw, as: kind)
    require(
        decodes(delta, to: chunk, base: base), "\(kind) of \(byteCount) bytes is lost by \(delta.codec)")

    mr_limit_level(MR_CPU_PORTABLE)
    defer { mr_limit_level(MR_CPU_AVX512) }
    require(encoder.encode(chunk.raw, as: kind).bytes == whole.bytes, "other bytes on another processor")
    require(
        encoder.encodeDelta(chunk.raw, from: base.raw, as: kind).bytes == delta.bytes,
        "another difference on another processor")
    checkCoders(chunk, countedShare: Int(noise) % 4 + 1)
    return 0
}

nonisolated(unsafe) private let fast = ChunkEncoder()
nonisolated(unsafe) private let best = ChunkEncoder(effort: .best)
nonisolated(unsafe) private let decoder = ChunkDecoder()

private func decodes(_ encoded: EncodedChunk, to chunk: Bytes, base: Bytes?) -> Bool {
    require(encoded.bytes.count <= chunk.raw.count, "longer encoded")
    let target = Bytes(count: chunk.raw.count)
    do {
        try encoded.bytes.withUnsafeBytes {
            try decoder.decode($0, codec: encoded.codec, base: base?.raw, into: target.memory)
        }
    } catch {
        fail("\(error)")
    }
    return target.raw.elementsEqual(chunk.raw)
}

/// The entropy coders in C on their own, with no byte more than they ask for.
private func checkCoders(_ chunk: Bytes, countedShare: Int) {
    let plane = chunk.raw.bindMemory(to: UInt8.self)
    var counts = [UInt32](repeating: 0, count: 256)
    mr_histogram(plane.baseAddress, plane.count, &counts)
    guard counts.count(where: { $0 > 0 }) >= 2 else { return }

    let target = Bytes(count: mr_rans_bound(plane.count))
    let byteCount = mr_rans_encode(plane.baseAddress, plane.count, counts, target.start)
    let restored = Bytes(count: plane.count)
    require(mr_rans_decode(target.start, byteCount, restored.start, plane.count), "rANS refuses its own")
    require(restored.raw.elementsEqual(plane), "lost by rANS")

    // Counts of all bytes, or of every nth, as a sample has them.
    var sample = counts
    var counted = plane.count
    if countedShare > 1 {
        sample = [UInt32](repeating: 0, count: 256)
        let positions = stride(from: 0, to: plane.count, by: countedShare)
        for position in positions { sample[Int(plane[position])] += 1 }
        counted = Array(positions).count
    }
    let frame = Bytes(count: mr_huffman_bound(plane.count))
    let frameByteCount = mr_huffman_encode(codes, plane.baseAddress, plane.count, sample, counted, frame.start)
    guard frameByteCount > 0 else { return }
    let found = ZSTD_decompressDCtx(
        decompressor, restored.memory.baseAddress, plane.count, frame.start, frameByteCount)
    require(ZSTD_isError(found) == 0 && found == plane.count, "zstd refuses what Huffman wrote")
    require(restored.raw.elementsEqual(plane), "lost by Huffman")
}

nonisolated(unsafe) private let codes = mr_huffman_codes_make()

nonisolated(unsafe) private let decompressor: OpaquePointer? = {
    let context = ZSTD_createDCtx()
    // zstd.h calls it ZSTD_d_format, by a macro that Swift does not see.
    ZSTD_DCtx_setParameter(context, ZSTD_d_experimentalParam1, Int32(ZSTD_f_zstd1_magicless.rawValue))
    return context
}()
