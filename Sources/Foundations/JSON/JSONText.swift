/// Writing JSON text in one fixed way, so that equal values are equal bytes.
package enum JSONText {
    /// How control characters are written. Both are JSON (RFC 8259).
    package enum Escapes {
        /// All as `\u00xx`, lower case: what content ids are made of.
        case numbered
        /// `\n`, `\t`, `\r`, `\b` and `\f` where there is a letter: what Rust's serde writes.
        case short
    }

    /// `text` in quotation marks. Escapes quotation marks, backslashes and control characters (as `\u00xx`,
    /// lower case) and nothing else.
    package static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        if isPlain { return "\"\(text)\"" }
        var bytes: [UInt8] = []
        append(text, to: &bytes, escapes: .numbered)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends `text` in quotation marks.
    package static func append(_ text: String, to bytes: inout [UInt8], escapes: Escapes) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                if escapes == .short, let letter = letters[byte] {
                    bytes += [UInt8(ascii: "\\"), UInt8(ascii: letter)]
                } else {
                    bytes += "\\u00\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))".utf8
                }
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static let letters: [UInt8: UnicodeScalar] = [8: "b", 9: "t", 10: "n", 12: "f", 13: "r"]
}
