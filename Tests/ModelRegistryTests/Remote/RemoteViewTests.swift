import Checkpoints
import Foundation
import ModelRegistry
import OrderedCollections
import Remotes
import Tensors
import TestSupport
import Testing

struct RemoteViewTests {
    private let folder: TemporaryFolder
    private let here: Registry
    private let remote: String

    init() throws {
        folder = try TemporaryFolder()
        here = try Registry.inMemory()
        remote = "oci:\(folder.file("remote"))"
        for step in 0..<3 {
            let checkpoint = dictionary([
                "w": .tensor(Tensor((0..<3000).map { Float($0 * (step + 1)) })),
                "fixed": .tensor(Tensor((0..<5000).map(Float.init))), "step": .integer(Int64(step)),
            ])
            try here.save(
                checkpoint, as: "m",
                options: SaveOptions(
                    message: "\(step)", aliases: step == 1 ? ["best"] : [], metrics: ["loss": 1]))
        }
        try here.push(["m"], all: true, to: remote)
    }

    private var address: String { "\(remote)/m" }

    @Test func aWholeVersionIsRead() throws {
        let view = try RemoteView("\(address):best") { $0.leaves.map { _ in true } }
        #expect(view.reference == "m:v2")
        let found = try view.registry.load(view.reference, as: Checkpoint.self, verifiesHashes: true)
        #expect(
            try differences(between: found, and: here.load("m:v2", as: Checkpoint.self, verifiesHashes: true))
                == [])
    }

    @Test func aPartIsRead() throws {
        let view = try RemoteView("\(address)~1") { manifest in
            manifest.leaves.map { $0.path.text == "w" }
        }
        #expect(view.reference == "m:v2")
        #expect(
            try view.registry.manifest(of: view.reference).contentID == here.version("m:v2").contentID)
        let rows = 0..<3000
        #expect(
            try view.registry.load(view.reference, path: "w", rows: rows).bytes
                == here.load("m:v2", path: "w", rows: rows).bytes)
        #expect(throws: RegistryError.self) {
            try view.registry.load(view.reference, path: "fixed", rows: 0..<1)
        }
    }

    @Test func contentIsChecked() throws {
        let id = try here.version("m:v3").contentID.hex
        #expect(
            try RemoteView("\(address)@sha256:\(id.prefix(8))") { $0.leaves.map { _ in false } }.reference
                == "m:v3")
        #expect(throws: RegistryError.self) {
            try RemoteView("\(address):v2@sha256:\(id.prefix(8))") { $0.leaves.map { _ in false } }
        }
        #expect(throws: RemoteError.self) { try RemoteView("\(address):v9") { $0.leaves.map { _ in false } } }
        #expect(throws: RegistryError.self) {
            try RemoteView("\(address):v2:v3") { $0.leaves.map { _ in false } }
        }
    }

    /// Other tools copy one tag at a time, and know nothing of `v2-…`.
    @Test(arguments: ["v2", "best"]) func oneCopiedTagIsEnough(tag: String) throws {
        let store = LayoutBlobStore(folder: folder.file("remote/m"))
        let copy = LayoutBlobStore(folder: folder.file("copy"))
        let stored = try #require(try store.manifest(.tag(tag)))
        let manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: "")
        for blob in manifest.layers + [manifest.config] {
            let id = try #require(blob.id)
            try copy.write(BlobSource(try store.bytes(of: id, byteCount: blob.size)), progress: nil)
        }
        try copy.write(manifest: stored.bytes, mediaType: stored.mediaType, tag: tag)
        let other = try Registry.inMemory()
        let report = try other.pull(["m:\(tag)"], from: "oci:\(folder.file("copy"))")
        #expect(report.added.map(\.ours) == ["m:v2"])
        #expect(try other.version("m").contentID == here.version("m:v2").contentID)
    }
}
