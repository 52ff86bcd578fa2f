import Foundation
import Remotes
import TestSupport
import Testing

struct LayoutContractTests {
    @Test func aFolderKeepsTheContract() throws {
        let folder = try TemporaryFolder()
        try BlobStoreContract.check(LayoutBlobStore(folder: folder.file("a/b/layout")))
    }

    /// The files are those of the OCI image specification, which other tools read.
    @Test func theFilesAreThoseOfALayout() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("layout")
        let store = LayoutBlobStore(folder: path)
        let config = BlobSource(Array("{}".utf8))
        try store.write(config, progress: nil)
        let manifest = OCIManifest(
            artifactType: MediaType.version,
            config: OCIDescriptor(mediaType: MediaType.versionFacts, digest: config.digest, size: 2),
            layers: [],
            annotations: [:])
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: "v1")
        func json(_ name: String) throws -> [String: Any] {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
            return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        #expect(try json("oci-layout")["imageLayoutVersion"] as? String == "1.0.0")
        let index = try json("index.json")
        #expect(index["schemaVersion"] as? Int == 2)
        let entry = try #require((index["manifests"] as? [[String: Any]])?.first)
        #expect((entry["annotations"] as? [String: String])?["org.opencontainers.image.ref.name"] == "v1")
        let digest = try #require(entry["digest"] as? String).dropFirst("sha256:".count)
        #expect(try json("blobs/sha256/\(digest)")["artifactType"] as? String == MediaType.version)
        #expect(LayoutBlobStore.isLayout(path))
    }

    /// A manifest of blobs that are not there is refused, as registries do.
    @Test func aManifestWithoutItsBlobsIsRefused() throws {
        let folder = try TemporaryFolder()
        let store = LayoutBlobStore(folder: folder.file("layout"))
        let config = BlobSource(Array("{}".utf8))
        let manifest = OCIManifest(
            artifactType: MediaType.version,
            config: OCIDescriptor(mediaType: MediaType.versionFacts, digest: config.digest, size: 2),
            layers: [],
            annotations: [:])
        #expect(throws: RemoteError.self) {
            try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: "v1")
        }
        #expect(try store.tags() == [])
    }
}
