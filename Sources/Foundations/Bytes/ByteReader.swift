/// Reads little-endian integers and runs of bytes, and never past the end.
package struct ByteReader {
    package let bytes: UnsafeRawBufferPointer

    /// Offset of the next byte to read.
    package private(set) var position: Int

    /// Reads from `position` on, which is moved to the end where it lies outside.
    package init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position < 0 ? bytes.count : min(position, bytes.count)
    }

    /// Bytes not read yet.
    package var remainingCount: Int { bytes.count - position }

    /// The next integer, or `nil` where the bytes end.
    package mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) -> Integer? {
        let width = MemoryLayout<Integer>.size
        guard remainingCount >= width else { return nil }
        defer { position += width }
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Integer.self))
    }

    /// The next byte, or `nil` where the bytes end.
    package mutating func byte() -> UInt8? { integer(UInt8.self) }

    /// The next `count` bytes, where they lie, or `nil` where there are fewer.
    package mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
        take(count).map { UnsafeRawBufferPointer(rebasing: bytes[$0]) }
    }

    /// The next number in LEB128, or `nil` where there is no valid one; see ``LEB128``.
    package mutating func number() -> Int? { LEB128.read { byte() } }

    /// Where the next `count` bytes lie, or `nil` where there are fewer.
    package mutating func take(_ count: Int) -> Range<Int>? {
        guard count >= 0, remainingCount >= count else { return nil }
        defer { position += count }
        return position..<position + count
    }

    /// Where the bytes up to the next newline lie, which is passed over; `nil` where there is none.
    package mutating func line() -> Range<Int>? {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
        defer { position = end + 1 }
        return position..<end
    }

    /// The bytes of `range` as text, or `nil` where they are not UTF-8.
    package func text(_ range: Range<Int>) -> String? {
        String(validating: bytes[range], as: UTF8.self)
    }
}
