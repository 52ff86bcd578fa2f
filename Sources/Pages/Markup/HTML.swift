import Foundations

/// Markup that a page is made of. Literals are markup; what is interpolated is text, and escaped, unless it is
/// markup itself: `"<b>\(name)</b>"` is safe whatever the name.
package struct HTML: ExpressibleByStringInterpolation, Sendable {
    /// The markup.
    package private(set) var markup: String

    /// Nothing.
    package init() { markup = "" }

    package init(stringLiteral markup: String) { self.markup = markup }

    package init(stringInterpolation: StringInterpolation) { markup = stringInterpolation.markup }

    /// Scalars of one text that a page shows, unless it says otherwise.
    package static let textLimit = 400

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) { markup += literal }

        /// Text: on one line, without what turns its direction, at most `limit` scalars of it.
        ///
        /// A literal is markup wherever it stands, also as one side of a condition; only what has been text before is text.
        @_disfavoredOverload
        package mutating func appendInterpolation(_ text: String, limit: Int = HTML.textLimit) {
            HTML.append(printable(text, limit: limit), to: &markup)
        }

        package mutating func appendInterpolation(_ number: Int) { markup += String(number) }

        package mutating func appendInterpolation(_ part: HTML) { markup += part.markup }

        package mutating func appendInterpolation(_ parts: [HTML]) {
            for part in parts { markup += part.markup }
        }
    }

    /// Adds to the end.
    package static func += (left: inout HTML, right: HTML) { left.markup += right.markup }

    /// One after the other.
    package static func + (left: HTML, right: HTML) -> HTML {
        var sum = left
        sum += right
        return sum
    }

    /// Markup that another part of this package made, such as a chart.
    static func trusted(_ markup: String) -> HTML {
        var html = HTML()
        html.markup = markup
        return html
    }

    /// Text of several lines, each printable.
    package static func lines(_ text: String, limit: Int = 8000) -> HTML {
        var html = HTML()
        // A text may have megabytes: no more of it is looked at than is shown.
        let start = text.unicodeScalars.prefix(limit + 1)
        let isCut = start.count > limit
        let shown = String(String.UnicodeScalarView(start.prefix(limit)))
        for (index, line) in shown.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            html += index == 0 ? "" : "<br>"
            html += "\(String(line), limit: limit)"
        }
        return isCut ? html + " … <span class=\"dim\">(\(text.utf8.count) bytes in all)</span>" : html
    }

    /// `parts` with `separator` between them.
    package static func joined(_ parts: [HTML], by separator: HTML) -> HTML {
        var html = HTML()
        for (index, part) in parts.enumerated() {
            if index > 0 { html += separator }
            html += part
        }
        return html
    }

    private static func append(_ text: String, to markup: inout String) {
        if !text.utf8.contains(where: { [0x22, 0x26, 0x27, 0x3C, 0x3E].contains($0) }) {
            markup += text
            return
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": markup += "&amp;"
            case "<": markup += "&lt;"
            case ">": markup += "&gt;"
            case "\"": markup += "&quot;"
            case "'": markup += "&#39;"
            default: markup.unicodeScalars.append(scalar)
            }
        }
    }
}
