import Foundations

/// Texts of protocol 0, in which some characters are escaped.
enum PickleEscapes {
    /// The text that Python's `raw_unicode_escape` writes as `bytes`: Latin-1, with `\uXXXX` and `\UXXXXXXXX`.
    ///
    /// - Returns: `nil` where an escape names no character.
    static func unicode(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
        var units: [UInt16] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let digitCount =
                bytes[index...].starts(with: Array("\\u".utf8))
                ? 4 : bytes[index...].starts(with: Array("\\U".utf8)) ? 8 : 0
            if digitCount == 0 {
                units.append(UInt16(bytes[index]))
                index += 1
                continue
            }
            guard let value = hex(bytes[(index + 2)...], digitCount), let scalar = Unicode.Scalar(value)
            else {
                // Half of a pair, which the other half follows.
                guard let value = hex(bytes[(index + 2)...], digitCount), value <= 0xFFFF else { return nil }
                units.append(UInt16(value))
                index += 2 + digitCount
                continue
            }
            units += Array(String(Character(scalar)).utf16)
            index += 2 + digitCount
        }
        return String(validating: units, as: UTF16.self)
    }

    /// The text between the quotation marks of a `str` of Python 2, in which `\xXX` and the like stand for bytes.
    ///
    /// - Returns: `nil` where there are no such marks, an escape is invalid, or the bytes are not UTF-8.
    static func quoted(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
        guard bytes.count >= 2, let mark = bytes.first, mark == bytes.last,
            mark == UInt8(ascii: "'") || mark == UInt8(ascii: "\"")
        else { return nil }
        var result: [UInt8] = []
        var rest = bytes.dropFirst().dropLast()
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            guard let escape = rest.popFirst() else { return nil }
            switch escape {
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(escape)
            case UInt8(ascii: "x"):
                guard let value = hex(rest, 2) else { return nil }
                result.append(UInt8(value))
                rest = rest.dropFirst(2)
            default: return nil
            }
        }
        return String(validating: result, as: UTF8.self)
    }

    private static func hex(_ bytes: Slice<UnsafeRawBufferPointer>, _ count: Int) -> UInt32? {
        let digits = bytes.prefix(count)
        guard digits.count == count, digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-") else {
            return nil
        }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
