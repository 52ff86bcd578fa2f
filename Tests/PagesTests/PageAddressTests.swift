import Pages
import Testing

@Suite struct PageAddressTests {
    @Test func queriesComeBack() throws {
        let hostile = "team/mlp&a=b?c#d%2e é\u{202E}\"<>+ \n"
        let address = PageAddress("/model", [("name", hostile), ("none", nil), ("empty", "")])
        let read = try #require(try PageAddress(target: address.target))
        #expect(read == address)
        #expect(read["name"] == hostile)
        #expect(address.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    }

    @Test func nothingIsDecodedInPaths() throws {
        for target in ["/%2e%2e/etc/passwd", "/model%3Fname=x", "/%00", "/é", "model", "", "http://a/b", "*"] {
            #expect(try PageAddress(target: target) == nil, "\(target)")
        }
        // Dots are letters of a path that no page has.
        #expect(try PageAddress(target: "/../../etc/passwd")?.path == "/../../etc/passwd")
    }

    @Test func queriesThatAreNotEncodedAreRefused() {
        for query in ["name=%", "name=%4", "name=%zz", "name=%ff%fe", "%c3=x", "a=%ed%a0%80"] {
            #expect(throws: PageError.self, "\(query)") { try PageAddress(target: "/model?\(query)") }
        }
        let many = "/model?" + String(repeating: "a=b&", count: 101)
        #expect(throws: PageError.self) { try PageAddress(target: many) }
    }

    @Test func numbersAreChecked() throws {
        let address = PageAddress(
            "/model", [("a", "12"), ("b", "-1"), ("c", "99999999999999999999"), ("d", "1e3")])
        #expect(try address.number("a") == 12)
        #expect(try address.number("missing") == nil)
        for name in ["b", "c", "d"] { #expect(throws: PageError.self, "\(name)") { try address.number(name) } }
    }
}
