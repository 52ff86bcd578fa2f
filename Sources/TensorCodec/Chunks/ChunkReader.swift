import Foundations

/// Reads an encoded chunk from front to back, and nothing beyond its end.
struct ChunkReader {
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

    /// The length of a plane, in LEB128.
    mutating func readLength() throws(CodecError) -> Int {
        let start = offset
        let length = try LEB128.read { () throws(CodecError) in try readByte() }
        guard let length, offset - start <= ChunkReader.maximumLengthByteCount else {
            throw .invalidPlaneLength(offset: start)
        }
        return length
    }

    /// Bytes of a length: 35 bits are more than any plane has.
    private static let maximumLengthByteCount = 5

    func requireEnd() throws(CodecError) {
        guard offset == bytes.count else {
            throw .trailingBytes(offset: offset, byteCount: bytes.count - offset)
        }
    }
}
