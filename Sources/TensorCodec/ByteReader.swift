/// Reads an encoded chunk from front to back, and nothing beyond its end.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func readByte() throws(CodecError) -> UInt8 {
        guard offset < bytes.count else { throw .truncated(offset: offset, byteCount: 1) }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func read(_ byteCount: Int) throws(CodecError) -> UnsafeRawBufferPointer {
        let available = bytes.count - offset
        guard byteCount <= available else {
            throw .truncated(offset: bytes.count, byteCount: byteCount - available)
        }
        defer { offset += byteCount }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])
    }

    /// A number in LEB128: seven bits a byte, low bits first, the top bit set on all but the last byte.
    mutating func readLength() throws(CodecError) -> Int {
        let start = offset
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            let byte = try readByte()
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte & 0x80 == 0 {
                guard let length = Int(exactly: value) else { break }
                return length
            }
        }
        throw .invalidPlaneLength(offset: start)
    }

    func requireEnd() throws(CodecError) {
        guard offset == bytes.count else {
            throw .trailingBytes(offset: offset, byteCount: bytes.count - offset)
        }
    }
}
