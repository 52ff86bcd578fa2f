import CZlib

/// Decompression of zip entries.
enum Zlib {
    /// Most bytes that one deflated byte can stand for: a match of 258 bytes takes two bits.
    static let maximumRatio = 1032

    /// Inflates `source`, a bare deflate stream, into `destination`.
    ///
    /// - Returns: Whether the stream is valid, ends with the source, and gives exactly the bytes of `destination`.
    static func inflate(_ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer)
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
