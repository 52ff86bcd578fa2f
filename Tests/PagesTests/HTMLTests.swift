import Pages
import Testing

@Suite struct HTMLTests {
    @Test func textIsEscapedByItsType() {
        let name = "<script>alert('x')</script>&\""
        let html: HTML = "<b title=\"\(name)\">\(name)</b>"
        let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"
        #expect(html.markup == "<b title=\"\(escaped)\">\(escaped)</b>")
    }

    @Test func markupIsNotEscapedTwice() {
        let sign = "&"
        let inner: HTML = "<i>\(sign)</i>"
        #expect(
            ("<p>\(inner)\([inner, inner])\(3)</p>" as HTML).markup
                == "<p><i>&amp;</i><i>&amp;</i><i>&amp;</i>3</p>")
    }

    /// What turns the direction of text, or commands a terminal that a page is copied to, is shown as what it is.
    @Test func controlCharactersAreShown() {
        let text = "a\u{202E}b\u{1B}[2Jc\u{0}d\ne"
        let html: HTML = "\(text)"
        #expect(html.markup == "a\\u{202e}b\\u{1b}[2Jc\\u{0}d\\ne")
    }

    @Test func longTextIsCut() {
        let html: HTML = "\(String(repeating: "<", count: 1_000_000))"
        #expect(html.markup == String(repeating: "&lt;", count: HTML.textLimit) + "…")
        let lines = HTML.lines(String(repeating: "line\n", count: 300_000))
        #expect(lines.markup.utf8.count < 40_000)
        #expect(lines.markup.contains("(1500000 bytes in all)"))
    }

    /// A condition between literals is markup; one with a text on a side is text on both.
    @Test(arguments: [true]) func literalsAreMarkupWhereverTheyStand(isMarked: Bool) {
        let name = "<b>"
        #expect(("<td\(isMarked ? " class=\"n\"" : "")>\(name)" as HTML).markup == "<td class=\"n\">&lt;b&gt;")
        #expect(("\(isMarked ? name : "<i>")" as HTML).markup == "&lt;b&gt;")
        #expect(("\("\(name)")" as HTML).markup == "&lt;b&gt;")
    }

    @Test func linesAreKept() {
        #expect(HTML.lines("a<b\n\nc").markup == "a&lt;b<br><br>c")
    }
}
