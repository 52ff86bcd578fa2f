import Checkpoints
import Foundation
import Remotes
import Synchronization
import Testing

/// What stores and the networks before them do wrong, one at a time.
struct S3FaultTests {
    private static let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    private func read(_ store: S3BlobStore, _ blob: ContentID, range: Range<Int>? = nil) throws -> [UInt8] {
        var result: [UInt8] = []
        try store.read(blob, byteCount: Self.bytes.count, range: range) { result += $0 }
        return result
    }

    // MARK: Later

    @Test(arguments: [(503, "SlowDown"), (500, "InternalError"), (429, ""), (400, "RequestTimeout")])
    func thriceIsNotTooOften(status: Int, code: String) throws {
        let bucket = try FakeS3 { _, index in index < 3 ? FakeS3.error(status, code) : nil }
        defer { bucket.server.stop() }
        let blob = bucket.add(Self.bytes)
        try #expect(read(bucket.store(), blob) == Self.bytes)
        #expect(bucket.delays.all == [1, 2, 4])
    }

    @Test func fiveTimesIsTooOften() throws {
        let bucket = try FakeS3 { _, _ in
            FakeS3.error(503, "SlowDown", "Please reduce your request rate.\u{1B}[31m")
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(
            error.map { "\($0)" }
                == "s3://models/team/mlp is not available: reading tags: Please reduce your request rate.\\u{1b}[31m (SlowDown), status 503 (5 tries)"
        )
        #expect(bucket.server.requests.count == 5)
    }

    @Test func whoAsksToWaitIsAskedLater() throws {
        let bucket = try FakeS3 { _, index in index == 0 ? .answer(503, ["Retry-After": "7"]) : nil }
        defer { bucket.server.stop() }
        try #expect(bucket.store().tags() == [])
        #expect(bucket.delays.all == [7])
    }

    // MARK: Reading

    @Test func aCutReadGoesOnWhereItWas() throws {
        let bucket = try FakeS3 { request, index in
            guard request.method == "GET", index < 9 else { return nil }
            let start = request.headers["range"].flatMap { Int($0.dropFirst(6).prefix { $0 != "-" }) }
            let head =
                start.map {
                    "HTTP/1.1 206 Partial\r\nContent-Range: bytes \($0)-199999/200000\r\n"
                } ?? "HTTP/1.1 200 OK\r\n"
            let rest = Self.bytes[(start ?? 0)...]
            return .raw(Array("\(head)Content-Length: \(rest.count)\r\n\r\n".utf8) + rest.prefix(20_000))
        }
        defer { bucket.server.stop() }
        let blob = bucket.add(Self.bytes)
        try #expect(read(bucket.store(), blob) == Self.bytes)
        #expect(
            bucket.server.requests.map { $0.headers["range"] }
                == [nil] + (1...9).map { "bytes=\($0 * 20_000)-199999" })
    }

    @Test func damageIsFound() throws {
        let bucket = try FakeS3 { _, index in
            [
                .bytes(200, [:], Self.bytes.map { $0 ^ 1 }), .bytes(200, [:], Self.bytes + [0]),
                .bytes(206, ["Content-Range": "bytes 1-3/200000"], [0, 0, 0]),
                FakeS3.error(416, "InvalidRange"),
            ][index]
        }
        defer { bucket.server.stop() }
        let blob = bucket.add(Self.bytes)
        let store = try bucket.store()
        for range in [nil, nil, 2..<4, 5..<9] as [Range<Int>?] {
            guard
                case .damaged? = #expect(
                    throws: RemoteError.self, performing: { try read(store, blob, range: range) })
            else {
                Issue.record("another error")
                return
            }
        }
        #expect(bucket.delays.all == [])
    }

    @Test func aBucketThatIsNotThereIsSaidToBeMissing() throws {
        let bucket = try FakeS3 { _, _ in FakeS3.error(404, "NoSuchBucket", "no") }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        for attempt in [
            { _ = try store.tags() }, { try store.write(BlobSource([1]), progress: nil) },
            { _ = try read(store, ContentID(hashing: [1])) },
        ] as [() throws -> Void] {
            let error = #expect(throws: RemoteError.self, performing: attempt)
            #expect(error == .notFound(store.name, what: "bucket \"models\""))
        }
    }

    // MARK: Writing

    @Test func aCutWriteIsMadeAgain() throws {
        let puts = Mutex(0)
        let cutsBody: @Sendable (FaultServer.Request) -> Int? = { request in
            guard request.method == "PUT" else { return nil }
            return puts.withLock { count in
                count += 1
                return count < 3 ? 50_000 : nil
            }
        }
        let bucket = try FakeS3(cutsBody: cutsBody, fault: { _, _ in nil })
        defer { bucket.server.stop() }
        let blob = BlobSource((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        let sent = Mutex(0)
        try bucket.store().write(blob) { count in sent.withLock { $0 += count } }
        #expect(bucket["blobs/sha256/\(blob.digest.hex)"] == Array(blob.bytes))
        #expect(sent.withLock { $0 } == blob.bytes.count)
        #expect(bucket.delays.all == [1, 2])
        #expect(bucket.server.requests.map(\.method) == ["PUT", "HEAD", "PUT", "HEAD", "PUT"])
    }

    @Test func bytesThatWereChangedOnTheWayAreSentAgain() throws {
        let bucket = try FakeS3 { request, index in
            request.method == "PUT" && index < 2
                ? FakeS3.error(400, index == 0 ? "XAmzContentSHA256Mismatch" : "BadDigest") : nil
        }
        defer { bucket.server.stop() }
        let blob = BlobSource(Self.bytes)
        try bucket.store().write(blob, progress: nil)
        #expect(bucket.delays.all == [1, 2])
    }

    @Test func aStoreThatKeptOtherBytesIsDamaged() throws {
        let bucket = try FakeS3 { request, _ in
            request.method == "PUT" ? .answer(200, ["x-amz-checksum-sha256": "AAAA"]) : nil
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let blob = BlobSource([1])
        let error = #expect(throws: RemoteError.self) { try store.write(blob, progress: nil) }
        #expect(
            error == .damaged(store.name, problem: "writing \(blob.digest.short): it has stored other bytes"))
    }

    // MARK: Permission

    @Test func whatIsForbiddenIsNotTriedAgain() throws {
        let bucket = try FakeS3 { _, _ in FakeS3.error(403, "AccessDenied", "Access Denied") }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(
            error.map { "\($0)" }
                == "s3://models/team/mlp does not permit it: reading tags: Access Denied (AccessDenied), status 403 (a test)"
        )
        #expect(bucket.server.requests.count == 1)
    }

    /// A store that repeats what it was sent.
    @Test(arguments: [403, 400, 503])
    func secretsAreNotShown(status: Int) throws {
        let secrets = ["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/session+token="]
        let bucket = try FakeS3 { request, _ in
            FakeS3.error(
                status, "Odd",
                "\(secrets.joined(separator: " ")) \(request.headers["x-amz-security-token"] ?? "")"
                    + String(repeating: "x", count: 270) + secrets[0])
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        let error = try #require(#expect(throws: RemoteError.self) { try store.tags() })
        for secret in secrets {
            #expect(!"\(error)".contains(secret.prefix(4)))
            #expect(!String(reflecting: error).contains(secret))
        }
        var dumped = ""
        dump(store, to: &dumped)
        for secret in secrets { #expect(!dumped.contains(secret)) }
        #expect(
            bucket.server.requests.allSatisfy { request in !secrets.contains { request.target.contains($0) } })
    }

    /// A temporary key that has ended is looked for anew, once.
    @Test func anEndedKeyIsReplaced() throws {
        let bucket = try FakeS3()
        defer { bucket.server.stop() }
        let old = try #require(AWSKey(id: "OLD", secret: "old"))
        let asked = Mutex<[AWSKey?]>([])
        let server = try FaultServer { request in
            request.headers["authorization"]?.contains("Credential=OLD/") == true
                ? FakeS3.error(400, "ExpiredToken", "The provided token has expired.")
                : .answer(200, [:], "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        }
        defer { server.stop() }
        struct Keys: AWSKeySource {
            let body: @Sendable (AWSKey?) -> FoundAWSKey
            func key(otherThan rejected: AWSKey?) -> FoundAWSKey { body(rejected) }
        }
        func store(_ keys: Keys) throws -> S3BlobStore {
            try S3BlobStore(
                bucket: "models", repository: "mlp",
                endpoint: S3Endpoint(
                    server: WebAddress("http://127.0.0.1:\(server.port)"), region: "us-east-1"),
                keys: keys)
        }
        let renewing = Keys { rejected in
            asked.withLock { $0.append(rejected) }
            return FoundAWSKey(rejected == old ? FakeS3.key : old, origin: "a test")
        }
        try #expect(store(renewing).tags() == [])
        #expect(asked.withLock { $0 } == [nil, old])
        let stubborn = try store(Keys { _ in FoundAWSKey(old, origin: "a test") })
        let error = #expect(throws: RemoteError.self) { try stubborn.tags() }
        #expect(
            error
                == .notPermitted(
                    stubborn.name,
                    problem: "reading tags: The provided token has expired. (ExpiredToken), status 400 (a test)"
                ))
    }

    // MARK: Regions

    /// The bucket is elsewhere: the request is signed anew, and later ones are right at once.
    @Test(arguments: [301, 307, 400])
    func theRegionOfTheBucketIsFound(status: Int) throws {
        let bucket = try FakeS3(region: "ap-south-1") { request, _ in
            request.headers["authorization"]?.contains("/ap-south-1/") == true
                ? nil
                : .answer(status, ["x-amz-bucket-region": "ap-south-1", "Location": "http://127.0.0.1:1/"])
        }
        defer { bucket.server.stop() }
        let store = try bucket.store(region: "us-east-1")
        let blob = BlobSource([1, 2, 3])
        try #expect(store.byteCount(of: blob.digest) == nil)
        try store.write(blob, progress: nil)
        try #expect(store.byteCount(of: blob.digest) == 3)
        #expect(bucket.server.requests.map(\.method) == ["HEAD", "HEAD", "PUT", "HEAD"])
    }

    @Test func theRegionMayBeInTheAnswer() throws {
        let bucket = try FakeS3(region: "ap-south-1") { request, _ in
            request.headers["authorization"]?.contains("/ap-south-1/") == true
                ? nil
                : .answer(
                    400, [:],
                    "<Error><Code>AuthorizationHeaderMalformed</Code><Region>ap-south-1</Region></Error>")
        }
        defer { bucket.server.stop() }
        try #expect(bucket.store(region: "us-east-1").tags() == [])
    }

    /// Whatever a redirect says: nothing goes there.
    @Test(arguments: [301, 302, 303, 307, 308])
    func redirectsAreNotFollowed(status: Int) throws {
        let elsewhere = try FaultServer { _ in .answer(200) }
        defer { elsewhere.stop() }
        let bucket = try FakeS3 { request, _ in
            .answer(status, ["Location": "http://127.0.0.1:\(elsewhere.port)\(request.target)"])
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        for attempt in [
            { _ = try store.tags() }, { try store.write(BlobSource([1]), progress: nil) },
            { _ = try store.byteCount(of: ContentID(hashing: [1])) },
        ] as [() throws -> Void] {
            guard case .refused(_, let problem)? = #expect(throws: RemoteError.self, performing: attempt) else {
                Issue.record("another error")
                return
            }
            #expect(problem.contains("set AWS_REGION, or AWS_ENDPOINT_URL_S3"))
        }
        #expect(elsewhere.requests.isEmpty)
    }

    /// Regions that lead in circles, or that would make another host of the name.
    @Test(arguments: [
        "b", "evil.example.com/", "x.evil.example.com#", "A", "-", String(repeating: "a", count: 33),
    ])
    func strangeRegionsEnd(region: String) throws {
        let count = Mutex(0)
        let bucket = try FakeS3 { _, _ in
            let next = count.withLock { count in
                count += 1
                return region == "b" ? "region-\(count)" : region
            }
            return .answer(301, ["x-amz-bucket-region": next])
        }
        defer { bucket.server.stop() }
        let store = try bucket.store()
        guard case .refused? = #expect(throws: RemoteError.self, performing: { try store.tags() }) else {
            Issue.record("another error")
            return
        }
        #expect(bucket.server.requests.count == (region == "b" ? 3 : 1))
    }
}
