import CZlib

/// zlib streams (RFC 1950) of small things: attachments and recipes.
package enum Zlib {
    /// `bytes` as a zlib stream.
    package static func compressed(_ bytes: [UInt8]) -> [UInt8] {
        var count = compressBound(uLong(bytes.count))
        return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, written in
            let code = compress2(buffer.baseAddress, &count, bytes, uLong(bytes.count), Z_BEST_COMPRESSION)
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
                    return inflate(&state, Z_NO_FLUSH)
                }
                output += block[..<(block.count - Int(state.avail_out))]
                guard output.count <= limit else { return nil }
                if code == Z_STREAM_END { return state.avail_in == 0 ? output : nil }
                guard code == Z_OK else { return nil }
            }
        }
    }
}
