/// A whole number of any size: those of Python that need more than 64 bits.
///
/// Random generators have numbers of 128 bits.
public struct BigInteger: Hashable, Sendable {
    /// Two's complement, little-endian, as short as it can be; at least nine bytes.
    public let bytes: [UInt8]

    /// Most bytes that a number may have. Python itself prints no longer ones.
    public static let maximumByteCount = 1784

    /// The number of little-endian two's complement `bytes`; `nil` where it fits 64 bits or is too long.
    public init?(bytes: some Collection<UInt8>) {
        var digits = Array(bytes)
        func isRedundant() -> Bool {
            guard digits.count > 1, let last = digits.last else { return false }
            let sign = digits[digits.count - 2] & 0x80
            return last == 0 && sign == 0 || last == 0xFF && sign != 0
        }
        while isRedundant() { digits.removeLast() }
        guard digits.count > 8, digits.count <= BigInteger.maximumByteCount else { return nil }
        self.bytes = digits
    }

    /// The number of decimal digits with an optional sign; `nil` where it fits 64 bits, is too long or no number.
    ///
    /// - Complexity: O(count²).
    public init?(decimal text: String) {
        var digits = text.utf8[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        // Each byte takes more than two digits.
        guard !digits.isEmpty, digits.count <= 3 * BigInteger.maximumByteCount else { return nil }
        var magnitude: [UInt8] = []
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            var carry = Int(digit - UInt8(ascii: "0"))
            for index in magnitude.indices {
                carry += Int(magnitude[index]) * 10
                magnitude[index] = UInt8(carry & 0xFF)
                carry >>= 8
            }
            if carry > 0 { magnitude.append(UInt8(carry)) }
        }
        magnitude.append(0)
        self.init(bytes: isNegative ? BigInteger.negated(magnitude) : magnitude)
    }

    private var isNegative: Bool { (bytes.last ?? 0) & 0x80 != 0 }

    private static func negated(_ bytes: [UInt8]) -> [UInt8] {
        var carry = 1
        return bytes.map { byte in
            carry += Int(~byte)
            defer { carry >>= 8 }
            return UInt8(carry & 0xFF)
        }
    }
}

extension BigInteger: CustomStringConvertible {
    /// Decimal digits.
    ///
    /// - Complexity: O(count²).
    public var description: String {
        var magnitude = isNegative ? BigInteger.negated(bytes + [0xFF]) : bytes
        var digits: [UInt8] = []
        while !magnitude.isEmpty {
            var remainder = 0
            for index in magnitude.indices.reversed() {
                let value = remainder << 8 | Int(magnitude[index])
                magnitude[index] = UInt8(value / 10)
                remainder = value % 10
            }
            digits.append(UInt8(ascii: "0") + UInt8(remainder))
            while magnitude.last == 0 { magnitude.removeLast() }
        }
        return (isNegative ? "-" : "") + String(decoding: digits.reversed(), as: UTF8.self)
    }
}
