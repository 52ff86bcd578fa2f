/// Whole numbers in LEB128: seven bits a byte, low bits first, the top bit set on all but the last byte.
///
/// Each number has one spelling: the shortest.
package enum LEB128 {
    /// Bytes of the longest number.
    package static let maximumByteCount = 9

    /// Number of bytes of `number`.
    package static func byteCount(of number: Int) -> Int {
        max(1, (Int.bitWidth - number.leadingZeroBitCount + 6) / 7)
    }

    /// Writes a number.
    ///
    /// - Precondition: `number` is not negative.
    package static func write(_ number: Int, _ append: (UInt8) -> Void) {
        precondition(number >= 0, "\(number) in LEB128")
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Reads a number from the bytes that `next` returns.
    ///
    /// - Returns: `nil` where the bytes end, the number has more than 63 bits, or a shorter spelling.
    package static func read<Failure: Error>(
        _ next: () throws(Failure) -> UInt8?
    ) throws(Failure) -> Int? {
        var value = 0
        for shift in stride(from: 0, to: 7 * maximumByteCount, by: 7) {
            guard let byte = try next() else { return nil }
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return byte == 0 && shift > 0 ? nil : value }
        }
        return nil
    }
}
