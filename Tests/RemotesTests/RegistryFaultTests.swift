import Checkpoints
import Remotes
import Synchronization
import Testing

/// What registries and the networks before them do wrong, one at a time. Nobody waits: the delays are only noted.
struct RegistryFaultTests {
    private static let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    private func read(
        _ store: RegistryBlobStore, _ blob: ContentID, byteCount: Int = bytes.count, range: Range<Int>? = nil
    ) throws -> [UInt8] {
        var result: [UInt8] = []
        try store.read(blob, byteCount: byteCount, range: range) { result += $0 }
        return result
    }

    // MARK: Later

    @Test(
        arguments: [
            ("0", [0]), ("7", [7]), ("Sun, 06 Nov 1994 08:49:47 GMT", [10]), ("soon", [1]), (nil, [1]),
        ] as [(String?, [Double])])
    func whoAsksToWaitIsAskedAgain(retryAfter: String?, delays: [Double]) throws {
        let registry = try FakeRegistry { _, index in
            index == 0 ? .answer(429, retryAfter.map { ["Retry-After": $0] } ?? [:]) : nil
        }
        defer { registry.server.stop() }
        try #expect(registry.store().tags() == [])
        #expect(registry.delays.all == delays)
    }

    @Test(arguments: [408, 500, 502, 503, 504])
    func thriceIsNotTooOften(status: Int) throws {
        let registry = try FakeRegistry { _, index in index < 3 ? .answer(status) : nil }
        defer { registry.server.stop() }
        let blob = registry.add(Self.bytes)
        try #expect(read(registry.store(), blob) == Self.bytes)
        #expect(registry.delays.all == [1, 2, 4])
    }

    @Test func fiveTimesIsTooOften() throws {
        let registry = try FakeRegistry { _, _ in
            .answer(503, [:], #"{"errors":[{"code":"UNAVAILABLE","message":"at \u001b[31mlunch"}]}"#)
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(
            error.map { "\($0)" }
                == "\(store.name) is not available: reading tags: at \\u{1b}[31mlunch (UNAVAILABLE), status 503 (5 tries)"
        )
        #expect(registry.server.requests.count == 5)
    }

    @Test func noRegistryIsUnavailable() throws {
        let registry = try FakeRegistry()
        let store = try registry.store()
        registry.server.stop()
        guard case .unavailable? = #expect(throws: RemoteError.self, performing: { try store.tags() }) else {
            Issue.record("another error")
            return
        }
        #expect(registry.delays.all == [1, 2, 4, 8])
    }

    // MARK: Reading

    private static func cut(_ request: FaultServer.Request, _ count: Int) -> FaultServer.Reply {
        let start = request.headers["range"].flatMap { Int($0.dropFirst(6).prefix { $0 != "-" }) }
        let head =
            start.map {
                "HTTP/1.1 206 Partial\r\nContent-Range: bytes \($0)-\(bytes.count - 1)/\(bytes.count)\r\n"
            } ?? "HTTP/1.1 200 OK\r\n"
        let rest = bytes[(start ?? 0)...]
        let text = "\(head)Content-Length: \(rest.count)\r\n\r\n"
        return .raw(Array(text.utf8) + rest.prefix(count))
    }

    /// More cuts than tries: each time, some bytes came.
    @Test func aCutReadGoesOnWhereItWas() throws {
        let registry = try FakeRegistry { request, index in index < 9 ? Self.cut(request, 20_000) : nil }
        defer { registry.server.stop() }
        let blob = registry.add(Self.bytes)
        try #expect(read(registry.store(), blob) == Self.bytes)
        #expect(
            registry.server.requests.map { $0.headers["range"] }
                == [nil] + (1...9).map { "bytes=\($0 * 20_000)-199999" })
        #expect(registry.delays.all == Array(repeating: 1, count: 9))
    }

    @Test(arguments: [0, 1, 1000])
    func aReadThatBringsHardlyAnythingEnds(count: Int) throws {
        let registry = try FakeRegistry { request, _ in Self.cut(request, count) }
        defer { registry.server.stop() }
        let blob = registry.add(Self.bytes)
        let store = try registry.store()
        #expect(throws: RemoteError.self) { try read(store, blob) }
        #expect(registry.server.requests.count == 5)
    }

    @Test func aWholeBlobInPlaceOfARangeIsCut() throws {
        let registry = try FakeRegistry { _, _ in .bytes(200, [:], Self.bytes) }
        defer { registry.server.stop() }
        let blob = registry.add(Self.bytes)
        let store = try registry.store()
        try #expect(read(store, blob, range: 70_000..<150_001) == Array(Self.bytes[70_000..<150_001]))
        try #expect(read(store, blob, range: 0..<1) == [0])
        #expect(registry.server.requests.count == 2)
    }

    @Test func aCutReadGoesOnWithoutRangesToo() throws {
        let registry = try FakeRegistry { request, index in
            index == 0 ? Self.cut(request, 90_000) : .bytes(200, [:], Self.bytes)
        }
        defer { registry.server.stop() }
        let blob = registry.add(Self.bytes)
        try #expect(read(registry.store(), blob) == Self.bytes)
    }

    @Test(
        arguments: [
            (
                FaultServer.Reply.answer(416, ["Content-Length": "200000"], "x"),
                "it has fewer than 200000 bytes"
            ),
            (.bytes(200, [:], Array(bytes.dropLast())), "it has 199999 bytes, and should have 200000"),
            (.bytes(200, [:], bytes + [0]), "it has 200001 bytes, and should have 200000"),
            (.raw(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + bytes + [0]), "it has more than 200000 bytes"),
            (.bytes(200, [:], bytes.map { $0 ^ 1 }), "its bytes are not those of"),
            (
                .bytes(206, ["Content-Range": "bytes 0-199999/200000"], bytes),
                "bytes 0 to 199999 were asked for"
            ),
        ] as [(FaultServer.Reply, String)])
    func damageIsFound(reply: FaultServer.Reply, problem: String) throws {
        let registry = try FakeRegistry { _, _ in reply }
        defer { registry.server.stop() }
        let blob = registry.add(Self.bytes)
        let store = try registry.store()
        let error = #expect(throws: RemoteError.self) { try read(store, blob) }
        guard case .damaged(_, let said)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(said.hasPrefix("reading \(blob.short): \(problem)"), "\(said)")
        #expect(registry.delays.all == [])
    }

    @Test(arguments: [
        "bytes 11-19/200000", "bytes 10-20/200000", "bytes 10-19/99", "bytes 10-19/300000", "bytes */200000",
        "bytes -10-19/200000", "10-19/200000", "", "bytes 19-10/200000",
    ])
    func rangesAreThoseThatWereAskedFor(range: String) throws {
        let registry = try FakeRegistry { _, _ in
            .bytes(206, ["Content-Range": range], Array(Self.bytes[10..<20]))
        }
        defer { registry.server.stop() }
        let blob = registry.add(Self.bytes)
        let store = try registry.store()
        guard
            case .damaged? = #expect(
                throws: RemoteError.self, performing: { try read(store, blob, range: 10..<20) })
        else {
            Issue.record("another error")
            return
        }
    }

    /// `printf hello | gzip -n`.
    @Test func compressedAnswersAreRead() throws {
        let compressed: [UInt8] = [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07,
            0x00,
            0x86, 0xA6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00,
        ]
        let registry = try FakeRegistry { _, _ in .bytes(200, ["Content-Encoding": "gzip"], compressed) }
        defer { registry.server.stop() }
        let blob = registry.add(Array("hello".utf8))
        try #expect(read(registry.store(), blob, byteCount: 5) == Array("hello".utf8))
    }

    @Test func headsHaveAnEnd() throws {
        let head = Array("HTTP/1.1 200 OK\r\n".utf8) + Array(String(repeating: "X: y\r\n", count: 20_000).utf8)
        let registry = try FakeRegistry { _, _ in .stall(head) }
        defer { registry.server.stop() }
        let store = try registry.store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(error == .damaged(store.name, problem: "the headers of its answer do not end"))
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
        let registry = try FakeRegistry(cutsBody: cutsBody, fault: { _, _ in nil })
        defer { registry.server.stop() }
        let blob = BlobSource((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        let sent = Mutex(0)
        try registry.store().write(blob) { count in sent.withLock { $0 += count } }
        #expect(registry.bytes(of: blob.digest) == Array(blob.bytes))
        #expect(sent.withLock { $0 } == blob.bytes.count)
        #expect(registry.delays.all == [1, 2])
        #expect(
            registry.server.requests.map(\.method) == [
                "POST", "PUT", "HEAD", "POST", "PUT", "HEAD", "POST", "PUT",
            ])
    }

    /// The blob arrived, but the answer did not.
    @Test func aWriteWhoseAnswerWasCutIsNotMadeAgain() throws {
        let arrived = Mutex(false)
        let registry = try FakeRegistry { request, _ in
            if request.method == "PUT" {
                arrived.withLock { $0 = true }
                return .cut
            }
            guard request.method == "HEAD", arrived.withLock({ $0 }) else { return nil }
            return .bytes(200, [:], Self.bytes)
        }
        defer { registry.server.stop() }
        try registry.store().write(BlobSource(Self.bytes), progress: nil)
        #expect(registry.server.requests.map(\.method) == ["POST", "PUT", "HEAD"])
    }

    /// A registry that was restarted forgets its sessions.
    @Test func aSessionThatIsGoneIsBegunAgain() throws {
        let registry = try FakeRegistry { request, index in
            guard request.method == "PUT", index == 0 else { return nil }
            return .answer(404, [:], #"{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}"#)
        }
        defer { registry.server.stop() }
        try registry.store().write(BlobSource(Self.bytes), progress: nil)
        #expect(registry.bytes(of: ContentID(hashing: Self.bytes)) == Self.bytes)
    }

    @Test func whatTheRegistryRefusesIsSaidInItsWords() throws {
        let registry = try FakeRegistry { request, _ in
            guard request.method == "PUT" else { return nil }
            return request.target.contains("manifests")
                ? .answer(
                    400, [:],
                    #"{"errors":[{"code":"MANIFEST_INVALID","message":"no such\nthing","detail":[1]}]}"#)
                : .answer(413, [:], "<html>Too large</html>")
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        let blob = BlobSource([1])
        let large = #expect(throws: RemoteError.self) { try store.write(blob, progress: nil) }
        #expect(
            large
                == .refused(
                    store.name,
                    problem:
                        "writing \(blob.digest.short): status 413: it, or a proxy before it, takes no 1 bytes at once"
                ))
        let invalid = #expect(throws: RemoteError.self) {
            try store.write(manifest: [], mediaType: "a/b", tag: "v1")
        }
        #expect(
            invalid
                == .refused(
                    store.name, problem: "writing manifest v1: no such\\nthing (MANIFEST_INVALID), status 400"))
        #expect(registry.delays.all == [])
    }

    @Test(arguments: ["", "http://u:p@h/", "ftp://h/x", "/a b"])
    func uploadsGoToValidAddresses(location: String) throws {
        let registry = try FakeRegistry { request, _ in
            request.method == "POST" ? .answer(202, location.isEmpty ? [:] : ["Location": location]) : nil
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        let blob = BlobSource([1])
        let error = #expect(throws: RemoteError.self) { try store.write(blob, progress: nil) }
        #expect(error == .damaged(store.name, problem: "writing \(blob.digest.short): it says not where to"))
    }

    @Test func manifestsAreWhatTheirDigestsSay() throws {
        let wrong = "sha256:" + String(repeating: "0", count: 64)
        let registry = try FakeRegistry { request, _ in
            .answer(200, request.target.hasSuffix("v1") ? ["Docker-Content-Digest": wrong] : [:], "{}")
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        let byTag = #expect(throws: RemoteError.self) { try store.manifest(.tag("v1")) }
        let id = ContentID(hashing: Array("{}".utf8))
        #expect(
            byTag == .damaged(store.name, problem: "reading manifest v1: it is \(id), and not \"\(wrong)\""))
        let other = ContentID(hashing: [1])
        let byDigest = #expect(throws: RemoteError.self) { try store.manifest(.digest(other)) }
        #expect(
            byDigest
                == .damaged(store.name, problem: "reading manifest \(other): its bytes are those of \(id)"))
    }

    @Test func manifestsAreNotEndless() throws {
        let registry = try FakeRegistry { _, _ in
            .bytes(200, [:], [UInt8](repeating: 0x20, count: StoredManifest.maximumByteCount + 1))
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        let error = #expect(throws: RemoteError.self) { try store.manifest(.tag("v1")) }
        #expect(error == .damaged(store.name, problem: "reading manifest v1: more than 4194304 bytes"))
    }

    @Test func deletingMayNotBeAllowed() throws {
        let registry = try FakeRegistry { _, _ in
            .answer(405, [:], #"{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}"#)
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        let id = ContentID(hashing: [1])
        let error = #expect(throws: RemoteError.self) { try store.remove(manifest: id) }
        #expect(
            error
                == .refused(
                    store.name,
                    problem:
                        "deleting manifest \(id.short): The operation is unsupported. (UNSUPPORTED), status 405"
                ))
    }

    @Test func repositoriesHaveNames() {
        let found = FixedCredentials(found: FoundCredentials(nil, origin: "a test"))
        for (authority, repository) in [
            ("h", "A"), ("h", ""), ("h", "../a"), ("docker.io", "a"), ("docker.io", "a/b/c"), ("h:0", "a"),
        ] {
            guard
                case .badAddress? = #expect(
                    throws: RemoteError.self,
                    performing: {
                        try RegistryBlobStore(
                            authority: authority, isSecure: true, repository: repository, credentials: found)
                    })
            else {
                Issue.record("\(authority)/\(repository)")
                return
            }
        }
    }
}
