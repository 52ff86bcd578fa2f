import Foundations
import Testing

struct JSONTextTests {
    @Test(arguments: [
        ("plain", #""plain""#), ("", #""""#), ("a\"b\\", #""a\"b\\""#),
        ("\n\t\0\u{1F}", #""\u000a\u0009\u0000\u001f""#),
        ("/\u{7F}é🧠", "\"/\u{7F}é🧠\""), ("\r\n", #""\u000d\u000a""#),
    ])
    func quotesInOneWayOnly(text: String, quoted: String) {
        #expect(JSONText.quoted(text) == quoted)
    }

    @Test func keepsCombiningCharactersApart() {
        #expect(JSONText.quoted("e\u{301}\"").utf8.elementsEqual("\"e\u{301}\\\"\"".utf8))
    }
}
