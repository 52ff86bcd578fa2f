import Remotes
import TestSupport
import Testing

struct XMLElementTests {
    private func element(_ text: String) throws -> XMLElement { try XMLElement(Array(text.utf8)) }

    @Test func documentsAreRead() throws {
        let root = try element(
            "\u{FEFF}<?xml version='1.0' encoding=\"UTF-8\"?>\r\n<a:Root xmlns:a=\"http://x\" b = 'c>d'>\n <One>1 &lt;&amp;&gt;&quot;&apos;&#233;&#x1F600;</One><Two/><Two ></Two ></a:Root>\n"
        )
        #expect(root.name == "Root")
        #expect(root.children.map(\.name) == ["One", "Two", "Two"])
        #expect(root["One"] == "1 <&>\"'é\u{1F600}")
        #expect(root["Two"] == nil)
        #expect(root["Three"] == nil)
    }

    @Test(arguments: [
        "", " ", "text", "<", "<a", "<a>", "<a/", "<a></b>", "<a></a", "<a/><b/>", "<a/>x", "<a>&x;</a>",
        "<a>&#;</a>",
        "<a>&#+5;</a>", "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&</a>", "<a>&#99999999999;</a>",
        "<a b></a>",
        "<a b=c></a>", "<a b=\"></a>", "<a b=\"<\"/>", "<1><!-- --></1>", "<a><![CDATA[x]]></a>",
        "<a><?x?></a>",
        "<!DOCTYPE a><a/>", "<?xml version=\"1.0\"", "<a>\u{FEFF}</a", "< a/>",
    ])
    func othersAreRefused(text: String) {
        #expect(throws: XMLElement.Malformed.self) { try element(text) }
    }

    @Test func textIsUTF8() {
        #expect(throws: XMLElement.Malformed.self) {
            try XMLElement(Array("<a>".utf8) + [0xC3, 0x28] + Array("</a>".utf8))
        }
    }

    @Test func documentsHaveLimits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
        }
        _ = try element(nested(XMLElement.maximumDepth))
        #expect(throws: XMLElement.Malformed.self) { try element(nested(XMLElement.maximumDepth + 1)) }
        #expect(throws: XMLElement.Malformed.self) { try element(nested(100_000)) }
        func wide(_ count: Int) -> String { "<a>\(String(repeating: "<b/>", count: count))</a>" }
        _ = try element(wide(XMLElement.maximumCount - 1))
        #expect(throws: XMLElement.Malformed.self) { try element(wide(XMLElement.maximumCount)) }
    }

    /// One byte another, missing, or twice, at each place: read or refused, never a trap.
    @Test func noDocumentIsTooStrange() throws {
        var generator = SeededGenerator(seed: 18)
        let text = "<?xml version=\"1.0\"?><a b=\"c\"><d>x&amp;&#10;</d><e/></a>"
        for position in 0..<text.utf8.count {
            for change in 0..<20 {
                var bytes = Array(text.utf8)
                switch change {
                case 0: bytes.remove(at: position)
                case 1: bytes.insert(bytes[position], at: position)
                case 2: bytes.removeLast(position)
                default: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                }
                if let root = try? XMLElement(bytes) { #expect(root.children.count <= 3) }
            }
        }
    }
}
