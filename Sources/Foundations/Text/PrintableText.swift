/// `text` as one line that a terminal can show: what would begin a line, command a terminal or turn the direction of
/// text is escaped.
///
/// Everything that came from a file, a row, a remote or a request passes through here before a terminal sees it.
///
/// - Parameter limit: Unicode scalars to keep; what is cut off is replaced by `…`.
package func printable(_ text: String, limit: Int = .max) -> String {
    if text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == limit { return result + "…" }
        switch (scalar, scalar.properties.generalCategory) {
        case ("\n", _): result += "\\n"
        case ("\t", _): result += "\\t"
        // The joiner of emoji is a format character, too.
        case ("\u{200D}", _): result.unicodeScalars.append(scalar)
        case (_, .control), (_, .format), (_, .lineSeparator), (_, .paragraphSeparator), (_, .surrogate),
            (_, .unassigned):
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Bytes that are no text, on one line: ASCII as it is, and `\xff` for each other byte, as a shell's `$'…'` takes it.
package func printable(bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
        (0x20..<0x7F).contains(byte)
            ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    .joined()
}

/// Printable `text` in quotation marks, cut after 200 characters; see ``printable(_:limit:)``.
package func quoted(_ text: String) -> String { "\"\(printable(text, limit: 200))\"" }
