import CKernels
import CZlib
import Checkpoints
import Foundations

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
        // Most of them where the processor can multiply without carries; the rest, or all, by zlib.
        let folded = mr_crc32_fold(&value, start, bytes.count)
        value = UInt32(truncatingIfNeeded: crc32_z(UInt(value), start + folded, bytes.count - folded))
    }

    /// The checksum of `bytes`, with the help of all cores where there are many.
    static func ofMany(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let pieceByteCount = 4 << 20
        guard bytes.count > 2 * pieceByteCount else { return CRC32(bytes).value }
        let pieces = stride(from: 0, to: bytes.count, by: pieceByteCount).map { start in
            start..<min(start + pieceByteCount, bytes.count)
        }
        // Only read, and not beyond this call.
        nonisolated(unsafe) let bytes = bytes
        let values = ConcurrentMap.map(pieces) { CRC32(UnsafeRawBufferPointer(rebasing: bytes[$0])).value }
        var whole = CRC32()
        for (piece, value) in zip(pieces, values) { whole.append(crc32: value, byteCount: piece.count) }
        return whole.value
    }

    /// Takes `byteCount` bytes that follow, of which only the checksum is known.
    ///
    /// So parts that are written out of order can be joined afterwards.
    /// - Complexity: O(log `byteCount`).
    public mutating func append(crc32: UInt32, byteCount: Int) {
        value = UInt32(truncatingIfNeeded: crc32_combine(UInt(value), UInt(crc32), byteCount))
    }
}
