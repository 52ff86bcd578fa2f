/// Bytes as lower-case hexadecimal digits.
package enum HexText {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Two digits for each of `bytes`.
    package static func of(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that `text` spells; `nil` for anything that ``of(_:)`` would not have written.
    package static func bytes(_ text: String) -> [UInt8]? {
        let nibbles = text.utf8.map { digit in digits.firstIndex(of: digit) }
        guard nibbles.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(nibbles.count / 2)
        for index in stride(from: 0, to: nibbles.count, by: 2) {
            guard let high = nibbles[index], let low = nibbles[index + 1] else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}
