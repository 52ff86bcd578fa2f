import Checkpoints
import Foundation
import Remotes
import Testing

struct S3ContractTests {
    @Test(arguments: [1000, 1])
    func aBucketInMemoryKeepsTheContract(pageCount: Int) throws {
        let bucket = try FakeS3(pageCount: pageCount)
        defer { bucket.server.stop() }
        try BlobStoreContract.check(try bucket.store())
        #expect(bucket.delays.all == [])
    }

    /// The names of a layout, and an object for each tag.
    @Test func theKeysAreThoseOfALayout() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let store = try bucket.store()
        #expect(store.name == "s3://models/team/mlp")
        let config = BlobSource(Array("{}".utf8))
        try store.write(config, progress: nil)
        let manifest = OCIManifest(
            artifactType: MediaType.version,
            config: OCIDescriptor(mediaType: MediaType.versionFacts, digest: config.digest, size: 2),
            layers: [],
            annotations: [:])
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: "v1")
        let digest = ContentID(hashing: manifest.encoded)
        #expect(
            bucket.keys
                == [
                    "team/mlp/blobs/sha256/\(config.digest.hex)", "team/mlp/blobs/sha256/\(digest.hex)",
                    "team/mlp/tags/v1",
                ].sorted())
        let tag = try #require(bucket["tags/v1"])
        #expect(
            String(decoding: tag, as: UTF8.self)
                == #"{"digest":"\#(digest)","mediaType":"\#(MediaType.manifest)","size":\#(manifest.encoded.count)}"#
        )
    }

    /// What a request is signed over is what is sent: another key is refused, by a server that checks.
    @Test func anotherSignatureIsRefused() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let other = AWSKey(id: "AKIDEXAMPLE", secret: "0ther", sessionToken: "a/session+token=")
        for (key, problem) in [(other, "it is another signature"), (nil, "there is no signature")] {
            let store = try bucket.store(key: key)
            let error = #expect(throws: RemoteError.self) { try store.tags() }
            #expect(
                error
                    == .notPermitted(
                        store.name,
                        problem: "reading tags: \(problem) (SignatureDoesNotMatch), status 403 (a test)"))
        }
        #expect(bucket.delays.all == [])
    }

    /// The digest of a blob is what its request is signed with, and what the store is to compare its bytes with.
    @Test func aBlobIsSentWithItsDigest() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let blob = BlobSource(Array("Welcome to Amazon S3.".utf8))
        try bucket.store().write(blob, progress: nil)
        let headers = try #require(bucket.server.requests.first?.headers)
        #expect(
            headers["x-amz-content-sha256"]
                == "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
        // `printf 'Welcome to Amazon S3.' | openssl dgst -sha256 -binary | base64`
        #expect(headers["x-amz-checksum-sha256"] == "RM591nyVng01JP+sF3Hfu6h9K2tLTpnkIDSouAP4sHI=")
        #expect(headers["x-amz-security-token"] == "a/session+token=")
    }

    /// Blobs that were just written are not asked for again before a manifest; those of a push before are, once.
    @Test func aManifestLooksForWhatNobodySaw() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let old = BlobSource([1])
        try bucket.store().write(old, progress: nil)
        let store = try bucket.store()
        let config = BlobSource(Array("{}".utf8))
        try store.write(config, progress: nil)
        let manifest = OCIManifest(
            artifactType: MediaType.version,
            config: OCIDescriptor(mediaType: MediaType.versionFacts, digest: config.digest, size: 2),
            layers: [OCIDescriptor(mediaType: MediaType.pack, digest: old.digest, size: 1)], annotations: [:])
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: "v1-a")
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: "v1")
        #expect(bucket.server.requests.filter { $0.method == "HEAD" }.count == 1)
    }
}
