import Checkpoints
import Remotes
import TestSupport
import Testing

/// Text of a registry is anybody's: whatever it is, it is read or refused.
struct RegistryInputTests {
    private static let texts = [
        #"Bearer realm="https://h:1/t?a=b",service="s",scope="repository:a/b:pull,push", Basic realm="x""#,
        "https://h.example.com:443/v2/a/blobs/uploads/1?_state=a%2Fb#c", "//[::1]:5/x",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Content-Length: 99999999999999999999\r\n", "HTTP/1.1 200 OK\r\n", "99999999999999999999",
    ]

    /// One byte of each text another, missing, or twice, at each place.
    @Test func noTextIsTooStrange() throws {
        var generator = SeededGenerator(seed: 17)
        let base = try #require(WebAddress("https://h/a/b"))
        for text in Self.texts {
            for position in 0..<text.utf8.count {
                for change in 0..<3 {
                    var bytes = Array(text.utf8)
                    switch change {
                    case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                    case 1: bytes.remove(at: position)
                    default: bytes.insert(bytes[position], at: position)
                    }
                    let changed = String(decoding: bytes, as: UTF8.self)
                    for challenge in Challenge.all(in: changed) { #expect(!challenge.scheme.isEmpty) }
                    _ = HTTPDate.date(changed)
                    _ = RetryPolicy().seconds(retryAfter: changed)
                    if let address = WebAddress(changed) { #expect(WebAddress(address.text) == address) }
                    if let address = base.resolving(changed) {
                        #expect(address.target.hasPrefix("/"))
                        #expect(!address.text.contains { $0.isWhitespace })
                    }
                    var head = HTTPHead()
                    _ = bytes.withUnsafeBytes { head.add(line: $0) }
                    _ = head.contentLength
                }
            }
        }
    }

    /// The same for what a registry says of an error, of tags, and of a range.
    @Test(arguments: [
        #"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"m","detail":{"Digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}}]}"#,
        #"{"name":"team/mlp","tags":["a","b\u0041"]}"#, "{}", "[]", "\"", #"{"errors":[{"code":"#,
        #"{"errors":null}"#,
    ])
    func noAnswerIsTooStrange(body: String) throws {
        let registry = try FakeRegistry { request, index in
            var bytes = Array(body.utf8)
            if index > 0 { bytes[index % bytes.count] ^= UInt8(1 << (index % 8)) }
            let status = request.method == "GET" ? 200 : 400
            return .bytes(status, ["Content-Range": "bytes 0-\(body)"], bytes)
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        for _ in 0..<20 {
            for tag in (try? store.tags()) ?? [] { #expect(!tag.isEmpty) }
            #expect(throws: RemoteError.self) {
                try store.write(manifest: [1], mediaType: "a/b", tag: "v1")
            }
            #expect(throws: RemoteError.self) {
                try store.read(ContentID(hashing: [1]), byteCount: 1000, range: 5..<9) { _ in }
            }
        }
    }
}
