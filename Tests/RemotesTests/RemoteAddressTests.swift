import Remotes
import Testing

struct RemoteAddressTests {
    @Test(arguments: [
        ("oci://registry.example.com/team", "registry.example.com", true, "team"),
        ("oci://registry.example.com:5000", "registry.example.com:5000", true, ""),
        ("oci://localhost:5000/a/b/", "localhost:5000", false, "a/b"),
        ("oci://127.0.0.1:5000/a", "127.0.0.1:5000", false, "a"),
        ("oci://[::1]:5000/a", "[::1]:5000", false, "a"),
        ("oci+http://nas/models", "nas", false, "models"),
    ])
    func registriesAreRead(text: String, authority: String, isSecure: Bool, namespace: String) throws {
        let address = try RemoteAddress(text)
        #expect(address.place == .registry(authority: authority, isSecure: isSecure))
        #expect(address.path == namespace)
        #expect(try RemoteAddress(address.text) == address)
    }

    @Test func foldersAreRead() throws {
        #expect(try RemoteAddress("oci:./shared/") == RemoteAddress(place: .folder, path: "./shared"))
        #expect(try RemoteAddress("oci:shared//").text == "oci:shared")
        #expect(try RemoteAddress("oci:/").path == "/")
        #expect(try RemoteAddress("oci:C d").text == "oci:C d")
    }

    @Test(arguments: [
        ("s3://models", "models", ""), ("s3://models/", "models", ""),
        ("s3://my.models-1/a/B_c/", "my.models-1", "a/B_c"),
        ("s3://models/Team (x)'s!".replacing(" ", with: ""), "models", "Team(x)'s!"),
    ])
    func bucketsAreRead(text: String, bucket: String, prefix: String) throws {
        let address = try RemoteAddress(text)
        #expect(RemoteAddress.isAddress(text))
        #expect(address.place == .bucket(bucket))
        #expect(address.path == prefix)
        #expect(try RemoteAddress(address.text) == address)
    }

    @Test(arguments: [
        "s3:models", "s3:/models", "s3://", "s3:///a", "s3://ab", "s3://Models", "s3://a..b", "s3://-ab",
        "s3://ab.",
        "s3://models/a//b", "s3://models/../a", "s3://models/.", "s3://models/a b", "s3://models/a:b",
        "s3://models/a?b",
        "s3://models/%2e", "s3://models/\u{E9}", "s3://models:9000/a",
        "s3://\(String(repeating: "a", count: 64))",
        "s3://models/\(String(repeating: "a", count: 601))", "s3://models\n/a",
    ])
    func otherBucketsAreRefused(text: String) {
        #expect(throws: RemoteError.self) { try RemoteAddress(text) }
    }

    @Test(arguments: [
        "", "origin", "http://x/y", "oci:", "oci://", "oci:///a", "oci://h/Team", "oci://h/a//b", "oci://h:0/a",
        "oci://h:99999/a", "oci://h:+5/a", "oci://h o/a", "oci://h/a_", "oci://h/../a", "oci://h\n/a",
        "oci://[::1/a",
    ])
    func othersAreRefused(text: String) {
        #expect(throws: RemoteError.self) { try RemoteAddress(text) }
    }

    /// What somebody pasted with a password must not come back in a message.
    @Test func credentialsAreRefusedAndNotShown() {
        let error = #expect(throws: RemoteError.self) { try RemoteAddress("oci://ann:s3cret@host/team") }
        #expect(error.map { !"\($0)".contains("s3cret") } == true)
        let bucket = #expect(throws: RemoteError.self) { try RemoteAddress("s3://ID:s3cret@models/team") }
        #expect(bucket.map { !"\($0)".contains("s3cret") } == true)
    }
}
