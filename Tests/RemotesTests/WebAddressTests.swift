import Remotes
import Testing

struct WebAddressTests {
    @Test(arguments: [
        ("https://Registry.example.com/v2/", "https://registry.example.com/v2/"),
        ("http://127.0.0.1:5000/a?b=c#d", "http://127.0.0.1:5000/a?b=c"),
        ("https://h:443?x=%2F", "https://h/?x=%2F"), ("http://[::1]:80/a", "http://[::1]/a"),
    ])
    func addressesAreRead(text: String, canonical: String) {
        #expect(WebAddress(text)?.text == canonical)
    }

    @Test(arguments: [
        "", "h/a", "ftp://h/a", "http://", "http:///a", "http://ann:s3cret@h/a", "http://h:0/", "http://h:+1/",
        "http://h:70000/", "http://h/a b", "http://h/a\r\nX: y", "http://h/ä", "http://[::1/a", "https:/h/a",
        "http://h/" + String(repeating: "a", count: 16384),
    ])
    func othersAreNot(text: String) { #expect(WebAddress(text) == nil) }

    @Test(arguments: [
        ("http://o:1/x?y=1", "http://o:1/x?y=1"), ("//o/x", "https://o/x"), ("/x/y?z", "https://h/x/y?z"),
        ("?z=2", "https://h/a/b?z=2"), ("c?z", "https://h/a/c?z"), ("c#d", "https://h/a/c"),
    ])
    func locationsAreRelativeToWhereTheyCameFrom(reference: String, expected: String) throws {
        let base = try #require(WebAddress("https://h/a/b?q=/1"))
        #expect(base.resolving(reference)?.text == expected)
    }

    @Test(arguments: ["ftp://o/x", "http://u:p@o/x", "mailto:x", "/a b", "/a\n"])
    func otherLocationsAreRefused(reference: String) throws {
        let base = try #require(WebAddress("https://h/a/b"))
        #expect(base.resolving(reference) == nil)
    }

    @Test func queriesGrow() throws {
        let address = try #require(WebAddress("https://h/a"))
        #expect(address.adding(query: "d=1").text == "https://h/a?d=1")
        #expect(address.adding(query: "d=1").adding(query: "e=2").text == "https://h/a?d=1&e=2")
        #expect(WebAddress.escaped("sha256:a b/ä") == "sha256%3Aa%20b%2F%C3%A4")
    }

    @Test func encryptionIsNotLeft() throws {
        let plain = try #require(WebAddress("http://h/"))
        let encrypted = try #require(WebAddress("https://o/"))
        #expect(plain.isExposed(comparedTo: encrypted.origin))
        #expect(!plain.isExposed(comparedTo: plain.origin))
        #expect(!encrypted.isExposed(comparedTo: plain.origin))
    }
}
