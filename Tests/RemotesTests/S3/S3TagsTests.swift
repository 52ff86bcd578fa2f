import Checkpoints
import Foundation
import Foundations
import Remotes
import Synchronization
import Testing

/// Tags change only if they are what they were.
struct S3TagsTests {
    private static func manifest(_ note: String, _ store: S3BlobStore) throws -> [UInt8] {
        let config = BlobSource(Array("{}".utf8))
        try store.write(config, progress: nil)
        return OCIManifest(
            artifactType: MediaType.version,
            config: OCIDescriptor(mediaType: MediaType.versionFacts, digest: config.digest, size: 2),
            layers: [],
            annotations: ["note": note]
        ).encoded
    }

    private func write(_ note: String, _ tag: String, _ store: S3BlobStore) throws {
        try store.write(manifest: Self.manifest(note, store), mediaType: MediaType.manifest, tag: tag)
    }

    private func note(_ tag: String, _ store: S3BlobStore) throws -> String? {
        let stored = try #require(try store.manifest(.tag(tag)))
        let manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: "")
        return manifest.annotations?["note"]
    }

    @Test func aTagThatAnotherHasMadeIsNotOverwritten() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let (ours, theirs) = (try bucket.store(), try bucket.store())
        try #expect(ours.tags() == [])
        try write("theirs", "v7", theirs)
        let error = #expect(throws: RemoteError.self) { try write("ours", "v7", ours) }
        #expect(error == .changedMeanwhile(ours.name, tag: "v7"))
        #expect(
            error.map { "\($0)" }
                == "s3://models/team/mlp: another has changed the tag \"v7\" meanwhile; try again")
        #expect(error?.category == .busy)
        try #expect(note("v7", theirs) == "theirs")
        // Who has seen it may.
        try #expect(note("v7", ours) == "theirs")
        try write("ours", "v7", ours)
        try #expect(note("v7", theirs) == "ours")
    }

    @Test func aTagThatAnotherHasMovedIsNotOverwritten() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let (ours, theirs) = (try bucket.store(), try bucket.store())
        try write("first", "best", theirs)
        try #expect(note("best", ours) == "first")
        try write("theirs", "best", theirs)
        let error = #expect(throws: RemoteError.self) { try write("ours", "best", ours) }
        #expect(error == .changedMeanwhile(ours.name, tag: "best"))
        try #expect(note("best", ours) == "theirs")
    }

    @Test func aTagThatAnotherHasDeletedIsNotMadeAgain() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let ours = try bucket.store()
        try write("first", "best", ours)
        bucket["tags/best"] = nil
        let error = #expect(throws: RemoteError.self) { try write("ours", "best", ours) }
        #expect(error == .changedMeanwhile(ours.name, tag: "best"))
        #expect(bucket["tags/best"] == nil)
    }

    /// Both have seen nothing: one of them writes, in each of many tries.
    @Test func ofManyAtOnceOneWrites() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        for number in 1...20 {
            let stores = try (0..<4).map { _ in try bucket.store() }
            for store in stores { _ = try store.tags() }
            let results = try ConcurrentMap.map(Array(stores.enumerated())) { index, store throws(any Error) in
                do {
                    try write("\(index)", "v\(number)", store)
                    return index as Int?
                } catch RemoteError.changedMeanwhile { return nil }
            }
            let writers = results.compactMap { $0 }
            #expect(writers.count == 1)
            try #expect(note("v\(number)", stores[0]) == writers.first.map { "\($0)" })
        }
    }

    /// The tag was written, but the answer was lost: the second try finds what the first has done.
    @Test func aWriteWhoseAnswerWasCutSucceeded() throws {
        let hasCut = Mutex(false)
        let bucket = Mutex<FakeS3?>(nil)
        let made = try FakeS3 { request, _ in
            guard request.method == "PUT", request.target.hasSuffix("tags/v1"),
                hasCut.withLock({ cut in
                    defer { cut = true }
                    return !cut
                })
            else { return nil }
            bucket.withLock { $0?["tags/v1"] = request.body }
            return .cut
        }
        defer { made.server.stop() }
        bucket.withLock { $0 = made }
        let store = try made.store()
        try write("ours", "v1", store)
        try #expect(note("v1", store) == "ours")
        #expect(made.delays.all == [1])
    }

    @Test func aConflictOfRequestsIsTriedAgain() throws {
        let bucket = try FakeS3 { request, index in
            request.method == "PUT" && index == 2 ? FakeS3.error(409, "ConditionalRequestConflict") : nil
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        try write("ours", "v1", store)
        #expect(bucket.delays.all == [1])
        try #expect(note("v1", store) == "ours")
    }

    @Test func aStoreWithoutConditionsIsRefused() throws {
        let bucket = try FakeS3 { request, _ in
            request.headers["if-none-match"] == nil
                ? nil : FakeS3.error(501, "NotImplemented", "A header you provided implies more")
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let error = #expect(throws: RemoteError.self) { try write("ours", "v1", store) }
        guard case .refused(_, let problem)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(problem.contains("conditional writes"))
    }

    /// An ETag that no object has.
    @Test func aWrongETagEndsTheWrite() throws {
        let bucket = try FakeS3 { request, _ in
            guard request.method == "GET", request.target.hasSuffix("tags/best") else { return nil }
            return .bytes(200, ["ETag": "\"wrong\""], Array(#"{"digest":"x","mediaType":"y","size":1}"#.utf8))
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        bucket["tags/best"] = [1]
        let error = #expect(throws: RemoteError.self) { try write("ours", "best", store) }
        #expect(error == .changedMeanwhile(store.name, tag: "best"))
        #expect(bucket["tags/best"] == [1])
    }

    /// A proxy that compresses makes ETags weak.
    @Test func aWeakETagIsThatOfTheObject() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let proxy = try FaultServer { request in
            let object = bucket["tags/best"] ?? []
            guard request.method == "PUT" else {
                return .bytes(200, ["ETag": "W/\(FakeS3.etag(object))"], object)
            }
            let condition = request.headers["if-match"]
            return .answer(condition == nil || condition == FakeS3.etag(object) ? 200 : 412)
        }
        defer { proxy.stop() }
        let direct = try bucket.store()
        try write("first", "best", direct)
        let store = try S3BlobStore(
            bucket: "models", repository: "team/mlp",
            endpoint: S3Endpoint(
                server: WebAddress("http://127.0.0.1:\(proxy.port)"), region: bucket.region),
            keys: FixedAWSKeys(found: FoundAWSKey(FakeS3.key, origin: "a test")))
        try write("second", "best", store)
        #expect(proxy.requests.last?.headers["if-match"] == FakeS3.etag(bucket["tags/best"] ?? []))
    }

    @Test(arguments: ["", String(repeating: "e", count: 1025), "\"\u{7F}\""])
    func anETagThatIsNoneIsDamage(etag: String) throws {
        let bucket = try FakeS3 { request, _ in
            request.method == "GET"
                ? .bytes(200, etag.isEmpty ? [:] : ["ETag": etag], Array("{}".utf8)) : nil
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let error = #expect(throws: RemoteError.self) { try store.manifest(.tag("best")) }
        #expect(error == .damaged(store.name, problem: "reading tag best: it has no valid ETag"))
    }

    /// A tag that was moved after it was read is not deleted.
    @Test func onlyTagsOfTheManifestAreDeleted() throws {
        let moved = Mutex(false)
        let bucket = Mutex<FakeS3?>(nil)
        let made = try FakeS3 { request, _ in
            guard request.method == "DELETE", request.target.hasSuffix("tags/best"),
                moved.withLock({ moved in
                    defer { moved = true }
                    return !moved
                })
            else { return nil }
            bucket.withLock { $0?["tags/best"] = Array("another".utf8) }
            return nil
        }
        defer { made.server.stop() }
        bucket.withLock { $0 = made }
        let store = try made.store()
        for tag in ["v1", "v1-a", "best"] { try write("one", tag, store) }
        try write("two", "v2", store)
        made["tags/strange"] = Array("no descriptor".utf8)
        try store.remove(manifest: ContentID(hashing: Self.manifest("one", store)))
        try #expect(store.tags() == ["best", "strange", "v2"])
        #expect(made["tags/best"] == Array("another".utf8))
    }

    /// Conditional deletes are younger than conditional writes.
    @Test func deletesNeedNoConditions() throws {
        let bucket = try FakeS3 { request, _ in
            request.method == "DELETE" && request.headers["if-match"] != nil
                ? FakeS3.error(501, "NotImplemented") : nil
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        try write("one", "v1", store)
        try store.remove(manifest: ContentID(hashing: Self.manifest("one", store)))
        try #expect(store.tags() == [])
    }

    // MARK: Lists

    private static func page(_ inside: String, root: String = "ListBucketResult") -> String {
        "<?xml version=\"1.0\"?>\n<\(root) xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(inside)</\(root)>"
    }

    @Test func pagesThatLoopEnd() throws {
        let page = Self.page("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>")
        let bucket = try FakeS3 { _, _ in .answer(200, [:], page) }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(error == .damaged(store.name, problem: "reading tags: its pages have no end"))
        #expect(bucket.server.requests.count == 2)
    }

    @Test func pagesThatNeverEndEnd() throws {
        let bucket = try FakeS3 { _, index in
            .answer(
                200, [:],
                Self.page(
                    "<IsTruncated>true</IsTruncated><NextContinuationToken>\(index)</NextContinuationToken>"))
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        #expect(throws: RemoteError.self) { try store.tags() }
        #expect(bucket.server.requests.count == 1000)
    }

    @Test func strangeKeysAreNoTags() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        for key in ["tags/v1", "tags/a b+c&<>\u{1}", "tags/", "tags/sub/v2", "tagsx", "blobs/x"] {
            bucket[key] = [1]
        }
        try #expect(bucket.store().tags() == ["v1"])
    }

    @Test(
        arguments: [
            ("", "XML with no element at byte 0"),
            ("{}", "XML with no element at byte 0"),
            (page("<IsTruncated>false</IsTruncated>", root: "Error"), "another answer than a list"),
            (page(""), "a list of which nobody knows whether it goes on"),
            (page("<IsTruncated>true</IsTruncated>"), "a list that goes on nowhere"),
            (
                page(
                    "<IsTruncated>true</IsTruncated><NextContinuationToken>\(String(repeating: "t", count: 4097))</NextContinuationToken>"
                ), "a list that goes on nowhere"
            ),
            (
                page("<IsTruncated>false</IsTruncated><IsTruncated>true</IsTruncated>"),
                "a list of which nobody knows whether it goes on"
            ),
            (
                page("<IsTruncated>false</IsTruncated><Contents><Key>team/other/tags/v1</Key></Contents>"),
                "an object that was not asked for"
            ),
            (
                page("<IsTruncated>false</IsTruncated><Contents></Contents>"),
                "an object that was not asked for"
            ),
            (
                "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
                "XML with no name of an element at byte 1"
            ),
        ])
    func hostileListsAreDamage(body: String, problem: String) throws {
        let bucket = try FakeS3 { _, _ in .answer(200, [:], body) }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(error == .damaged(store.name, problem: "reading tags: \(problem)"))
    }
}
