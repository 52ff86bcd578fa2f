import CZlib

/// The checksum of zip archives: CRC-32 with the polynomial of ISO 3309, as zlib computes it.
public struct CRC32: Sendable {
    /// The checksum of all bytes so far.
    public private(set) var value: UInt32

    /// The checksum of no bytes.
    public init() { value = 0 }

    /// The checksum of `bytes`.
    public init(_ bytes: UnsafeRawBufferPointer) {
        value = 0
        append(bytes)
    }

    /// Takes the bytes that follow.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
        value = UInt32(truncatingIfNeeded: crc32_z(UInt(value), start, bytes.count))
    }

    /// Takes `byteCount` bytes that follow, of which only the checksum is known.
    ///
    /// So parts that are written out of order can be joined afterwards.
    /// - Complexity: O(log `byteCount`).
    public mutating func append(crc32: UInt32, byteCount: Int) {
        value = UInt32(truncatingIfNeeded: crc32_combine(UInt(value), UInt(crc32), byteCount))
    }
}
