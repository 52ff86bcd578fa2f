import Remotes
import Testing

struct RepositoryAddressTests {
    @Test(arguments: [
        ("oci://h.example.com/team/mlp:best~2", "team/mlp", ":best~2"),
        ("oci://localhost:5000/mlp", "mlp", ""),
        ("oci://localhost:5000/mlp@sha256:abcd", "mlp", "@sha256:abcd"),
        ("oci:share/mlp:v3", "share/mlp", ":v3"),
        ("s3://models/team/mlp:best~2", "team/mlp", ":best~2"),
        ("s3://models/mlp@sha256:abcd", "mlp", "@sha256:abcd"),
        ("s3://models/Team/mlp", "Team/mlp", ""),
        ("oci:share/mlp", "share/mlp", ""),
        ("oci:mlp:v3", "mlp", ":v3"),
        ("oci:/a:b/mlp~1", "/a:b/mlp", "~1"),
    ])
    func versionsAreRead(text: String, name: String, selector: String) throws {
        let (address, rest) = try RepositoryAddress.reading(text)
        #expect(address.name == name)
        #expect(rest == selector)
    }

    @Test(arguments: [
        "oci://h", "oci://h/", "s3://models", "s3://models:v1", "s3://models/", "oci:", "oci://h/A:v1",
        "x/y:v1",
    ])
    func othersAreRefused(text: String) {
        #expect(throws: RemoteError.self) { try RepositoryAddress.reading(text) }
    }

    @Test func modelsHaveRepositoriesOfTheirOwn() throws {
        let remote = try RemoteAddress("oci://h.example.com/team")
        #expect(try RepositoryAddress(remote, model: "a/b").name == "team/a/b")
        #expect(try RepositoryAddress(RemoteAddress("oci://h"), model: "mlp").name == "mlp")
        #expect(try RepositoryAddress(RemoteAddress("s3://models"), model: "mlp").name == "mlp")
        #expect(try RepositoryAddress(RemoteAddress("s3://models/Team"), model: "a/b").name == "Team/a/b")
        let long = try RemoteAddress("oci://h.example.com/" + String(repeating: "a", count: 200))
        #expect(throws: RemoteError.self) {
            try RepositoryAddress(long, model: String(repeating: "b", count: 100))
        }
    }
}
