import CZlib

/// A raw deflate stream of one strategy, reused for any number of planes.
final class Deflater {
    enum Strategy {
        /// Literals only: the entropy coder alone.
        case huffmanOnly
        /// Repeats of the byte before.
        case runs
        /// Everything that zlib can do.
        case repeats(level: Int32)
    }

    // On the heap because zlib keeps the address of the stream.
    private let stream: UnsafeMutablePointer<z_stream>

    init(_ strategy: Strategy) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let (level, number) =
            switch strategy {
            case .huffmanOnly: (6 as Int32, Z_HUFFMAN_ONLY)
            case .runs: (6 as Int32, Z_RLE)
            case .repeats(let level): (level, Z_DEFAULT_STRATEGY)
            }
        let status = deflateInit2_(
            stream, level, Z_DEFLATED, rawWindowBits, 8, number, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot start a stream: \(status)")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The number of bytes written, or `nil` if they do not fit.
    func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        deflateReset(stream)
        stream.pointee.setBuffers(source, target)
        guard deflate(stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return target.count - Int(stream.pointee.avail_out)
    }
}

/// Reads raw deflate streams, one after the other.
final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = inflateInit2_(stream, rawWindowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot start a stream: \(status)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Whether `source` is one whole stream of exactly as many bytes as `target` has.
    func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
        inflateReset(stream)
        stream.pointee.setBuffers(source, target)
        let status = inflate(stream, Z_FINISH)
        return status == Z_STREAM_END && stream.pointee.avail_out == 0 && stream.pointee.avail_in == 0
    }
}

/// Negative: no zlib header and no checksum around the deflate stream; chunks have a checksum of their own.
private let rawWindowBits: Int32 = -15

extension z_stream {
    // Both counts are of one chunk, far below 4 GiB; a longer source is cut and then fails to decode.
    fileprivate mutating func setBuffers(
        _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer
    ) {
        next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: UInt8.self).baseAddress)
        avail_in = UInt32(clamping: source.count)
        next_out = target.bindMemory(to: UInt8.self).baseAddress
        avail_out = UInt32(clamping: target.count)
    }
}
