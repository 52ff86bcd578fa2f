/// A file that is not what it claims to be, or holds what cannot be kept.
///
/// Every error that the bytes of a file can cause conforms, so that a program can tell bad input from a disk
/// that fails (`FileError`).
public protocol FormatError: Error, CustomStringConvertible, Sendable {}

/// Text from a file, fit for one line of a message: in quotes, control characters escaped, long text cut.
package func quoted(_ text: String) -> String { "\"\(printable(text))\"" }

/// Text from a file without quotes, control characters escaped, long text cut.
package func printable(_ text: String) -> String {
    let limit = 200
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == limit { return result + "…" }
        // Besides control characters: line and paragraph separators, and those that turn the direction of text.
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
