import CZlib

/// zlib streams (RFC 1950) of small things, such as attachments, and bare deflate streams (RFC 1951) of zip entries.
package enum Zlib {
    /// Most bytes that are compressed as well as can be: of a large pickle that takes four times as long, and saves nothing.
    private static let carefulByteCount = 1 << 20

    /// `bytes` as a zlib stream.
    package static func compressed(_ bytes: [UInt8]) -> [UInt8] {
        let level = bytes.count <= carefulByteCount ? Z_BEST_COMPRESSION : Z_DEFAULT_COMPRESSION
        var count = compressBound(uLong(bytes.count))
        return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, written in
            let code = compress2(buffer.baseAddress, &count, bytes, uLong(bytes.count), level)
            precondition(code == Z_OK, "compress2 with a buffer of compressBound: \(code)")
            written = Int(count)
        }
    }

    /// What `stream` is of; `nil` if it is damaged or of more than `limit` bytes.
    package static func decompressed(_ stream: [UInt8], limit: Int) -> [UInt8]? {
        var state = z_stream()
        guard inflateInit_(&state, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&state) }
        var output: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        var input = stream
        return input.withUnsafeMutableBufferPointer { source in
            state.next_in = source.baseAddress
            state.avail_in = uInt(source.count)
            while true {
                let code = block.withUnsafeMutableBufferPointer { target in
                    state.next_out = target.baseAddress
                    state.avail_out = uInt(target.count)
                    return CZlib.inflate(&state, Z_NO_FLUSH)
                }
                output += block[..<(block.count - Int(state.avail_out))]
                guard output.count <= limit else { return nil }
                if code == Z_STREAM_END { return state.avail_in == 0 ? output : nil }
                guard code == Z_OK else { return nil }
            }
        }
    }

    /// Most bytes that one deflated byte can stand for: a match of 258 bytes takes two bits.
    package static let maximumRatio = 1032

    /// Inflates `source`, a bare deflate stream, into `destination`.
    ///
    /// - Returns: Whether the stream is valid, ends with the source, and gives exactly the bytes of `destination`.
    package static func inflate(
        _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer
    )
        -> Bool
    {
        var stream = z_stream()
        guard
            inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return false }
        defer { inflateEnd(&stream) }
        // The counts of a stream are 32 bits wide, so both sides are fed in pieces.
        let piece = 1 << 30
        var sourceOffset = 0
        var destinationOffset = 0
        var spare: UInt8 = 0
        let input = source.bindMemory(to: UInt8.self)
        let output = destination.bindMemory(to: UInt8.self)
        while true {
            let inputCount = min(source.count - sourceOffset, piece)
            let outputCount = min(destination.count - destinationOffset, piece)
            stream.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + sourceOffset) }
            stream.avail_in = UInt32(inputCount)
            // Where nothing is left to fill, one spare byte shows whether the stream has more.
            let status = withUnsafeMutablePointer(to: &spare) { spare in
                stream.next_out = outputCount > 0 ? output.baseAddress.map { $0 + destinationOffset } : spare
                stream.avail_out = outputCount > 0 ? UInt32(outputCount) : 1
                return CZlib.inflate(&stream, Z_NO_FLUSH)
            }
            if outputCount == 0, stream.avail_out == 0 { return false }
            sourceOffset += inputCount - Int(stream.avail_in)
            if outputCount > 0 { destinationOffset += outputCount - Int(stream.avail_out) }
            switch status {
            case Z_STREAM_END: return sourceOffset == source.count && destinationOffset == destination.count
            // No progress possible: the source ends too early.
            case Z_OK where inputCount > 0 || outputCount > Int(stream.avail_out): continue
            default: return false
            }
        }
    }
}
