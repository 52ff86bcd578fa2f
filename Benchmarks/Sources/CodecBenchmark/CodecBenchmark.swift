// Compares with zstd, and is of no use without it.
#if Zstd

import CPeers
import Foundation
import TensorCodec

/// Compresses the tensors of safetensors files chunk by chunk, on one thread, and prints ratio and speed of each
/// coder: zlib and zstd on the bytes as they are, keyframes, and deltas from the file before.
///
///     swift run -c release CodecBenchmark [--best] [--repeat N] FILE...
@main enum CodecBenchmark {
    static let chunkByteCount = 1 << 20

    static func main() throws {
        var files: [String] = []
        var effort = EncodingEffort.fast
        var repeatCount = 5
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--best": effort = .best
            case "--repeat": repeatCount = arguments.popFirst().flatMap { Int($0) } ?? repeatCount
            default: files.append(argument)
            }
        }
        guard !files.isEmpty else {
            print("usage: CodecBenchmark [--best] [--repeat N] FILE...")
            return
        }
        let checkpoints = try files.map(tensors(ofFile:))
        var keyframes: [Work] = []
        var deltas: [Work] = []
        for (index, checkpoint) in checkpoints.enumerated() {
            for (name, tensor) in checkpoint.sorted(by: { $0.key < $1.key }) {
                let base = index > 0 ? checkpoints[index - 1][name] : nil
                for start in stride(from: 0, to: tensor.bytes.count, by: chunkByteCount) {
                    let end = min(start + chunkByteCount, tensor.bytes.count)
                    keyframes.append(
                        Work(kind: tensor.kind, chunk: Array(tensor.bytes[start..<end]), base: []))
                    guard let base, base.bytes.count == tensor.bytes.count else { continue }
                    deltas.append(
                        Work(
                            kind: tensor.kind, chunk: Array(tensor.bytes[start..<end]),
                            base: Array(base.bytes[start..<end])))
                }
            }
        }
        let byteCount = keyframes.reduce(0) { $0 + $1.chunk.count }
        print(
            "\(files.count) files, \(keyframes.count) chunks, \(byteCount / 1_000_000) MB, best of \(repeatCount)"
        )
        print("                      ratio   encode MB/s   decode MB/s")
        report("memcpy", keyframes, repeatCount, Copier())
        report("zlib -6", keyframes, 1, Zlib())
        report("zstd -3", keyframes, repeatCount, Zstd())
        report("keyframe", keyframes, repeatCount, Keyframe(effort))
        if !deltas.isEmpty { report("delta", deltas, repeatCount, Delta(effort)) }
    }
}

/// One chunk, and for a delta what to encode it from.
struct Work {
    let kind: ElementKind
    let chunk: [UInt8]
    let base: [UInt8]
}

protocol Coder {
    associatedtype Encoded
    func encode(_ work: Work) -> Encoded
    func byteCount(of encoded: Encoded) -> Int
    func decode(_ encoded: Encoded, of work: Work, into target: UnsafeMutableRawBufferPointer) throws
}

func report(_ name: String, _ works: [Work], _ repeatCount: Int, _ coder: some Coder) {
    var original = 0
    var stored = 0
    var encodeSeconds = 0.0
    var decodeSeconds = 0.0
    let target = UnsafeMutableRawBufferPointer.allocate(
        byteCount: CodecBenchmark.chunkByteCount, alignment: 64)
    defer { target.deallocate() }
    for work in works {
        let exact = UnsafeMutableRawBufferPointer(rebasing: target[..<work.chunk.count])
        let encoded = coder.encode(work)
        original += work.chunk.count
        stored += coder.byteCount(of: encoded)
        // The shortest time of each chunk: other work on the machine only ever adds.
        encodeSeconds += best(of: repeatCount) { kept = coder.encode(work) }
        decodeSeconds += best(of: repeatCount) { try? coder.decode(encoded, of: work, into: exact) }
        precondition(exact.elementsEqual(work.chunk), "\(name) changed a chunk")
    }
    func column(_ x: Double, _ digits: Int, _ width: Int) -> String {
        let text = String(format: "%.\(digits)f", x)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
    print(
        name.padding(toLength: 18, withPad: " ", startingAt: 0)
            + column(Double(original) / Double(stored), 4, 9)
            + column(Double(original) / encodeSeconds / 1e6, 0, 14)
            + column(Double(original) / decodeSeconds / 1e6, 0, 14))
}

/// The latest result. Without a use of them the optimiser drops results, and the work with them; Swift 6.3.1 even frees
/// a dropped array before filling it.
nonisolated(unsafe) var kept: Any?

func best(of count: Int, _ body: () -> Void) -> Double {
    (0..<count).map { _ in
        let start = ContinuousClock.now
        body()
        return (ContinuousClock.now - start) / .seconds(1)
    }.min() ?? 0
}

// MARK: Coders

struct Copier: Coder {
    func encode(_ work: Work) -> [UInt8] {
        work.chunk.withUnsafeBytes { [UInt8]($0) }
    }
    func byteCount(of encoded: [UInt8]) -> Int { encoded.count }
    func decode(_ encoded: [UInt8], of work: Work, into target: UnsafeMutableRawBufferPointer) {
        target.copyBytes(from: encoded)
    }
}

struct Zlib: Coder {
    func encode(_ work: Work) -> [UInt8] {
        var length = compressBound(uLong(work.chunk.count))
        return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
            compress2(buffer.baseAddress, &length, work.chunk, uLong(work.chunk.count), 6)
            count = Int(length)
        }
    }
    func byteCount(of encoded: [UInt8]) -> Int { encoded.count }
    func decode(_ encoded: [UInt8], of work: Work, into target: UnsafeMutableRawBufferPointer) {
        var length = uLong(target.count)
        uncompress(
            target.bindMemory(to: UInt8.self).baseAddress, &length, encoded, uLong(encoded.count))
    }
}

struct Zstd: Coder {
    let compressor = ZSTD_createCCtx()
    let decompressor = ZSTD_createDCtx()
    func encode(_ work: Work) -> [UInt8] {
        let bound = ZSTD_compressBound(work.chunk.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            count = ZSTD_compressCCtx(
                compressor, buffer.baseAddress, bound, work.chunk, work.chunk.count, 3)
        }
    }
    func byteCount(of encoded: [UInt8]) -> Int { encoded.count }
    func decode(_ encoded: [UInt8], of work: Work, into target: UnsafeMutableRawBufferPointer) {
        ZSTD_decompressDCtx(decompressor, target.baseAddress, target.count, encoded, encoded.count)
    }
}

struct Keyframe: Coder {
    let encoder: ChunkEncoder
    let decoder = ChunkDecoder()
    init(_ effort: EncodingEffort) { encoder = ChunkEncoder(effort: effort) }
    func encode(_ work: Work) -> EncodedChunk {
        work.chunk.withUnsafeBytes { encoder.encode($0, as: work.kind) }
    }
    func byteCount(of encoded: EncodedChunk) -> Int { encoded.bytes.count }
    func decode(_ encoded: EncodedChunk, of work: Work, into target: UnsafeMutableRawBufferPointer)
        throws
    {
        try encoded.bytes.withUnsafeBytes { try decoder.decode($0, codec: encoded.codec, into: target) }
    }
}

struct Delta: Coder {
    let encoder: ChunkEncoder
    let decoder = ChunkDecoder()
    init(_ effort: EncodingEffort) { encoder = ChunkEncoder(effort: effort) }
    func encode(_ work: Work) -> EncodedChunk {
        work.chunk.withUnsafeBytes { chunk in
            work.base.withUnsafeBytes { encoder.encodeDelta(chunk, from: $0, as: work.kind) }
        }
    }
    func byteCount(of encoded: EncodedChunk) -> Int { encoded.bytes.count }
    func decode(_ encoded: EncodedChunk, of work: Work, into target: UnsafeMutableRawBufferPointer)
        throws
    {
        try encoded.bytes.withUnsafeBytes { bytes in
            try work.base.withUnsafeBytes {
                try decoder.decode(bytes, codec: encoded.codec, base: $0, into: target)
            }
        }
    }
}

// MARK: Files

struct FileError: Error {
    let path: String
}

func tensors(ofFile path: String) throws -> [String: (kind: ElementKind, bytes: [UInt8])] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    guard data.count >= 8 else { throw FileError(path: path) }
    let headerByteCount = (0..<8).reduce(0) { $0 | Int(data[$1]) << (8 * $1) }
    guard headerByteCount <= data.count - 8 else { throw FileError(path: path) }
    let start = 8 + headerByteCount
    let header = try JSONSerialization.jsonObject(with: data[8..<start]) as? [String: Any] ?? [:]
    var tensors: [String: (kind: ElementKind, bytes: [UInt8])] = [:]
    for (name, value) in header where name != "__metadata__" {
        guard let entry = value as? [String: Any], let dtype = entry["dtype"] as? String,
            let offsets = entry["data_offsets"] as? [Int], offsets.count == 2,
            0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= data.count - start
        else { throw FileError(path: path) }
        let kind: ElementKind =
            switch dtype {
            case "F64": .float64
            case "F32": .float32
            case "F16": .float16
            case "BF16": .bfloat16
            case "I64", "U64": .integer64
            case "I32", "U32": .integer32
            case "I16", "U16": .integer16
            default: .bytes
            }
        tensors[name] = (kind, [UInt8](data[(start + offsets[0])..<(start + offsets[1])]))
    }
    return tensors
}

#else

@main enum CodecBenchmark {
    static func main() { print("built without zstd") }
}

#endif
