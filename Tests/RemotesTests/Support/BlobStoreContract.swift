import Checkpoints
import Foundations
import Remotes
import Synchronization
import TestSupport
import Testing

/// What every ``BlobStore`` does, whatever is behind it.
enum BlobStoreContract {
    /// Uses a repository, which is to be empty, in all ways.
    ///
    /// - Parameter takesEmptyBlobs: Whether it can keep blobs of no bytes.
    static func check(_ store: any BlobStore, takesEmptyBlobs: Bool = true) throws {
        try checkEmpty(store)
        try checkBlobs(store, byteCounts: (takesEmptyBlobs ? [0] : []) + [1, 300_000])
        try checkManifests(store)
        try checkThreads(store)
    }

    private static let nothing = ContentID(hashing: Array("nobody has this".utf8))

    private static func checkEmpty(_ store: any BlobStore) throws {
        try #expect(store.tags() == [])
        try #expect(store.byteCount(of: nothing) == nil)
        try #expect(store.manifest(.tag("v1")) == nil)
        try #expect(store.manifest(.digest(nothing)) == nil)
        try store.remove(manifest: nothing)
    }

    // MARK: Blobs

    private static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private static func read(
        _ blob: ContentID, _ byteCount: Int, _ range: Range<Int>? = nil, _ store: any BlobStore
    ) throws -> [UInt8] {
        var result: [UInt8] = []
        try store.read(blob, byteCount: byteCount, range: range) { bytes in
            #expect(!bytes.isEmpty)
            result += bytes
        }
        return result
    }

    private static func checkBlobs(_ store: any BlobStore, byteCounts: [Int]) throws {
        for count in byteCounts {
            let blob = BlobSource(bytes(count, seed: UInt64(count)))
            for _ in 0..<2 {
                let sent = Mutex(0)
                try store.write(blob) { part in sent.withLock { $0 += part } }
                #expect(sent.withLock { $0 } == count)
                try #expect(store.byteCount(of: blob.digest) == count)
            }
            try #expect(read(blob.digest, count, nil, store) == Array(blob.bytes))
            let ranges = [
                0..<0, 0..<count, 0..<min(1, count), count - min(1, count)..<count, count / 3..<count / 2,
            ]
            for range in ranges {
                try #expect(read(blob.digest, count, range, store) == Array(blob.bytes[range]), "\(range)")
            }
            #expect(throws: RemoteError.self, "longer than it is") {
                try read(blob.digest, count + 1, nil, store)
            }
            if count > 0 {
                #expect(throws: RemoteError.self, "shorter") { try read(blob.digest, count - 1, nil, store) }
            }
            #expect(throws: RemoteError.self) { try read(blob.digest, count, 0..<count + 1, store) }
            #expect(throws: RemoteError.self) { try read(blob.digest, count, -1..<count, store) }
        }
        let error = #expect(throws: RemoteError.self) { try read(nothing, 5, nil, store) }
        #expect(error == .missingBlob(store.name, digest: "\(nothing)"))
        #expect(throws: RemoteError.self) { try read(nothing, 5, 1..<2, store) }

        struct Enough: Error {}
        let blob = BlobSource(bytes(300_000, seed: 1))
        try store.write(blob, progress: nil)
        #expect(throws: Enough.self) {
            try store.read(blob.digest, byteCount: 300_000, range: nil) { _ in throw Enough() }
        }
    }

    // MARK: Manifests

    private static let type = "application/vnd.oci.image.manifest.v1+json"

    private static func manifest(_ blob: BlobSource, note: String) -> [UInt8] {
        Array(
            """
            {"schemaVersion":2,"mediaType":"\(type)","config":{"mediaType":"application/vnd.oci.empty.v1+json",\
            "digest":"\(blob.digest)","size":\(blob.bytes.count)},"layers":[{"mediaType":"application/x-test",\
            "digest":"\(blob.digest)","size":\(blob.bytes.count)}],"annotations":{"note":"\(note)"}}
            """.utf8)
    }

    private static func checkManifests(_ store: any BlobStore) throws {
        let blob = BlobSource(Array("{}".utf8))
        try store.write(blob, progress: nil)
        let one = manifest(blob, note: "one")
        let two = manifest(blob, note: "two")
        try store.write(manifest: one, mediaType: type, tag: "v1")
        try store.write(manifest: one, mediaType: type, tag: "V.1_a-b")
        try store.write(manifest: two, mediaType: type, tag: "best")
        try #expect(store.tags() == ["V.1_a-b", "best", "v1"])

        for reference in [ManifestReference.tag("v1"), .digest(ContentID(hashing: one))] {
            let stored = try #require(try store.manifest(reference))
            #expect(stored.bytes == one)
            #expect(stored.digest == ContentID(hashing: one))
            #expect(stored.mediaType == type)
        }
        try #expect(store.manifest(.tag("best"))?.bytes == two)
        try #expect(store.manifest(.tag("v2")) == nil)
        try #expect(store.manifest(.tag("../v1")) == nil)

        try store.write(manifest: two, mediaType: type, tag: "v1")
        try #expect(store.manifest(.tag("v1"))?.bytes == two)
        try store.remove(manifest: ContentID(hashing: two))
        try #expect(store.tags() == ["V.1_a-b"])
        try #expect(store.manifest(.tag("V.1_a-b"))?.bytes == one)
        try store.remove(manifest: ContentID(hashing: two))

        let absent = BlobSource(Array("is not written".utf8))
        let error = #expect(throws: RemoteError.self) {
            try store.write(manifest: manifest(absent, note: ""), mediaType: type, tag: "v3")
        }
        #expect(error == .missingBlob(store.name, digest: "\(absent.digest)"))
        try #expect(store.manifest(.tag("v3")) == nil)
        #expect(throws: RemoteError.self) { try store.write(manifest: one, mediaType: type, tag: "../v1") }
    }

    // MARK: Threads

    private static func checkThreads(_ store: any BlobStore) throws {
        try ConcurrentMap.forEach(Array(0..<8)) { number throws(any Error) in
            let blob = BlobSource(bytes(50_000 + number, seed: UInt64(100 + number)))
            try store.write(blob, progress: nil)
            try #expect(read(blob.digest, blob.bytes.count, nil, store) == Array(blob.bytes))
            try #expect(read(blob.digest, blob.bytes.count, 7..<4096, store) == Array(blob.bytes[7..<4096]))
        }
    }
}
