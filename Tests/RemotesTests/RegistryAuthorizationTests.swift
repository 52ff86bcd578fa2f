import Checkpoints
import Foundation
import Foundations
import Remotes
import Synchronization
import Testing

/// Who is shown what, and who is not.
struct RegistryAuthorizationTests {
    private static let ann = Credentials.password(user: "ann", Secret("s3cret"))
    /// `printf ann:s3cret | base64`.
    private static let basic = "Basic YW5uOnMzY3JldA=="

    // MARK: Basic

    @Test func credentialsAreShownOnceTheyAreAskedFor() throws {
        let registry = try FakeRegistry { request, _ in
            request.headers["authorization"] == Self.basic
                ? nil : .answer(401, ["WWW-Authenticate": #"Basic realm="reg""#])
        }
        defer { registry.server.stop() }
        let store = try registry.store(Self.ann)
        try store.write(BlobSource([1, 2, 3]), progress: nil)
        try #expect(store.byteCount(of: ContentID(hashing: [1, 2, 3])) == 3)
        #expect(
            registry.server.requests.map { "\($0.method) \($0.headers["authorization"] ?? "-")" } == [
                "POST -", "POST \(Self.basic)", "PUT \(Self.basic)", "HEAD \(Self.basic)",
            ])
    }

    @Test(
        arguments: [
            (ann, "the registry says s3cret"), (nil, "nothing"), (.identityToken(Secret("it")), "nothing"),
            (.password(user: "ann", Secret("two\r\nX: lines")), "nothing"),
        ] as [(Credentials?, String)])
    func wrongCredentialsAreNotPermitted(credentials: Credentials?, message: String) throws {
        let registry = try FakeRegistry { _, _ in
            .answer(
                401, ["WWW-Authenticate": "Basic realm=\"reg\""],
                "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"\(message)\"}]}")
        }
        defer { registry.server.stop() }
        let store = try registry.store(credentials)
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(
            error
                == .notPermitted(
                    store.name,
                    problem:
                        "reading tags: \(message.replacing("s3cret", with: "…")) (UNAUTHORIZED), status 401 (a test)"
                ))
        #expect(registry.delays.all == [])
        #expect(registry.server.requests.allSatisfy { $0.headers["x"] == nil })
    }

    /// A message that is cut within a secret.
    @Test func noPartOfASecretIsShown() throws {
        let message = String(repeating: "x", count: 297) + "s3cret"
        let registry = try FakeRegistry { _, _ in
            .answer(
                401, ["WWW-Authenticate": "Basic realm=\"reg\""],
                "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"\(message)\"}]}")
        }
        defer { registry.server.stop() }
        let store = try registry.store(Self.ann)
        let error = try #require(#expect(throws: RemoteError.self) { try store.tags() })
        #expect(!"\(error)".contains("s3c"))
    }

    @Test func whatIsForbiddenIsNotTriedAgain() throws {
        let registry = try FakeRegistry { _, _ in
            .answer(
                403, [:],
                #"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#)
        }
        defer { registry.server.stop() }
        let store = try registry.store(Self.ann)
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(
            error.map { "\($0)" }
                == "\(store.name) does not permit it: reading tags: requested access to the resource is denied (DENIED), status 403 (a test)"
        )
        #expect(registry.server.requests.count == 1)
    }

    // MARK: Tokens

    /// A registry and its server of tokens in one; `token` says what the `index`-th request for one gets.
    private func registry(
        accepts: @escaping @Sendable (FaultServer.Request) -> Bool,
        token: @escaping @Sendable (FaultServer.Request, Int) -> FaultServer.Reply
    ) throws -> FakeRegistry {
        let tokenCount = Mutex(0)
        return try FakeRegistry { request, _ in
            if request.target.hasPrefix("/token") {
                let index = tokenCount.withLock { count in
                    count += 1
                    return count - 1
                }
                return token(request, index)
            }
            guard !accepts(request) else { return nil }
            let action = request.method == "GET" || request.method == "HEAD" ? "pull" : "pull,push"
            let realm = "http://\(request.headers["host"] ?? "")/token?x=1"
            return .answer(
                401,
                [
                    "WWW-Authenticate":
                        "Bearer realm=\"\(realm)\",service=\"a b\",scope=\"repository:team/mlp:\(action) other\""
                ])
        }
    }

    @Test func tokensAreForWhatIsDone() throws {
        let registry = try registry(
            accepts: { request in
                let token = request.headers["authorization"]
                return token == "Bearer write" || (token == "Bearer read" && request.method != "POST")
            },
            token: { request, _ in
                request.target.contains("push")
                    ? .answer(200, [:], #"{"access_token":"write","expires_in":300}"#)
                    : .answer(200, [:], #"{"token":"read","issued_at":"x","expires_in":null}"#)
            })
        defer { registry.server.stop() }
        let store = try registry.store(Self.ann)
        try #expect(store.tags() == [])
        try #expect(store.tags() == [])
        try store.write(BlobSource([1]), progress: nil)
        try #expect(store.tags() == [])
        let tokens = registry.server.requests.filter { $0.target.hasPrefix("/token") }
        #expect(
            tokens.map(\.target) == [
                "/token?x=1&service=a%20b&scope=repository%3Ateam%2Fmlp%3Apull&scope=other",
                "/token?x=1&service=a%20b&scope=repository%3Ateam%2Fmlp%3Apull%2Cpush&scope=other",
            ])
        #expect(tokens.allSatisfy { $0.headers["authorization"] == Self.basic })
        // The registry itself is never shown the password.
        #expect(
            registry.server.requests.allSatisfy {
                $0.target.hasPrefix("/token") || $0.headers["authorization"] != Self.basic
            })
    }

    @Test func whoHasNoCredentialsAsksForATokenToo() throws {
        let registry = try registry(
            accepts: { $0.headers["authorization"] == "Bearer t" },
            token: { _, _ in .answer(200, [:], #"{"token":"t"}"#) })
        defer { registry.server.stop() }
        try #expect(registry.store().tags() == [])
        #expect(registry.server.requests[1].headers["authorization"] == nil)
    }

    /// The registry stops taking a token between two requests, and in the middle of a write.
    @Test func aTokenIsRenewedWhereTheRegistryWantsAnother() throws {
        let taken = Mutex(0)
        let registry = try registry(
            accepts: { request in
                guard let token = request.headers["authorization"] else { return false }
                // Each token is good for one request.
                return taken.withLock { taken in
                    guard token == "Bearer t\(taken)" else { return false }
                    taken += 1
                    return true
                }
            },
            token: { _, index in .answer(200, [:], "{\"token\":\"t\(index)\"}") })
        defer { registry.server.stop() }
        let blob = BlobSource((0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        let store = try registry.store(Self.ann)
        try store.write(blob, progress: nil)
        #expect(registry.bytes(of: blob.digest) == Array(blob.bytes))
        try #expect(store.byteCount(of: blob.digest) == 100_000)
        #expect(registry.delays.all == [])
    }

    @Test func oneTokenIsEnoughForAllThreads() throws {
        let registry = try registry(
            accepts: { $0.headers["authorization"] == "Bearer t" },
            token: { _, _ in .answer(200, [:], #"{"token":"t"}"#) })
        defer { registry.server.stop() }
        let store = try registry.store(Self.ann)
        try ConcurrentMap.forEach(Array(0..<16)) { _ throws(any Error) in _ = try store.tags() }
        #expect(registry.server.requests.filter { $0.target.hasPrefix("/token") }.count == 1)
    }

    @Test func anOldTokenIsRenewedBeforehand() throws {
        let registry = try registry(
            accepts: { $0.headers["authorization"] != nil },
            token: { _, index in .answer(200, [:], "{\"token\":\"t\(index)\",\"expires_in\":100}") })
        defer { registry.server.stop() }
        let seconds = Mutex(0.0)
        var policy = RetryPolicy()
        policy.now = { Date(timeIntervalSince1970: seconds.withLock { $0 }) }
        let store = try registry.store(Self.ann, policy: policy)
        for second in [0, 94, 96, 97.0] {
            seconds.withLock { $0 = second }
            _ = try store.tags()
        }
        #expect(
            registry.server.requests.filter { $0.target.contains("tags") }.map { $0.headers["authorization"] }
                == [nil, "Bearer t0", "Bearer t0", "Bearer t1", "Bearer t1"])
    }

    @Test func identityTokensArePosted() throws {
        let registry = try registry(
            accepts: { $0.headers["authorization"] == "Bearer t" },
            token: { request, _ in
                request.method == "POST" ? .answer(200, [:], #"{"access_token":"t"}"#) : .answer(405)
            })
        defer { registry.server.stop() }
        try #expect(registry.store(.identityToken(Secret("a&b"))).tags() == [])
        #expect(
            String(decoding: registry.server.requests[1].body, as: UTF8.self)
                == "service=a%20b&grant_type=refresh_token&refresh_token=a%26b&client_id=modelreg&scope=repository%3Ateam%2Fmlp%3Apull%20other"
        )
    }

    @Test func registryTokensAreShownAsTheyAre() throws {
        let registry = try registry(
            accepts: { $0.headers["authorization"] == "Bearer mine" }, token: { _, _ in .answer(500) })
        defer { registry.server.stop() }
        try #expect(registry.store(.registryToken(Secret("mine"))).tags() == [])
        #expect(registry.server.requests.count == 2)
    }

    @Test(
        arguments: [
            (
                .answer(401, [:], "s3cret"),
                "does not permit it: its server of tokens, http://127.0.0.1:PORT, refused (a test)"
            ),
            (
                .answer(200, [:], "s3cret"),
                "sent damaged data: its server of tokens, http://127.0.0.1:PORT, gave none"
            ),
            (
                .answer(200, [:], #"{"token":"a\nb"}"#),
                "sent damaged data: its server of tokens, http://127.0.0.1:PORT, gave none"
            ),
            (
                .answer(302, ["Location": "/x"]),
                "refused it: its server of tokens, http://127.0.0.1:PORT, answered 302"
            ),
            (
                .answer(503),
                "is not available: its server of tokens, http://127.0.0.1:PORT, answered 503 (5 tries)"
            ),
            (.answer(200, [:], #"{"token":"bad"}"#), "does not permit it: reading tags: status 401 (a test)"),
        ] as [(FaultServer.Reply, String)])
    func tokensMayNotBeHad(reply: FaultServer.Reply, problem: String) throws {
        let registry = try registry(accepts: { _ in false }, token: { _, _ in reply })
        defer { registry.server.stop() }
        let store = try registry.store(Self.ann)
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(
            error.map { "\($0)" }
                == "\(store.name) \(problem.replacing("PORT", with: "\(registry.server.port)"))")
    }

    // MARK: Redirects

    /// A server that must be shown no credentials, and gives `reply`.
    private func elsewhere(_ reply: FaultServer.Reply) throws -> FaultServer {
        try FaultServer { request in
            if request.headers["authorization"] != nil { Issue.record("credentials went to another host") }
            return reply
        }
    }

    private func redirecting(to location: @escaping @Sendable (FaultServer.Request) -> String?) throws
        -> FakeRegistry
    {
        try FakeRegistry { request, _ in
            guard request.headers["authorization"] == Self.basic else {
                return .answer(401, ["WWW-Authenticate": #"Basic realm="reg""#])
            }
            return location(request).map { .answer(307, ["Location": $0]) }
        }
    }

    @Test func storageIsNotShownCredentials() throws {
        let bytes = [UInt8](repeating: 5, count: 100)
        let storage = try elsewhere(.bytes(206, ["Content-Range": "bytes 10-19/100"], Array(bytes[10..<20])))
        let registry = try redirecting { _ in "http://127.0.0.1:\(storage.port)/bucket?sig=a%2Fb" }
        defer {
            registry.server.stop()
            storage.stop()
        }
        let blob = registry.add(bytes)
        var read: [UInt8] = []
        try registry.store(Self.ann).read(blob, byteCount: 100, range: 10..<20) { read += $0 }
        #expect(read == Array(bytes[10..<20]))
        #expect(storage.lines == ["GET /bucket?sig=a%2Fb"])
        #expect(storage.requests.first?.headers["range"] == "bytes=10-19")
    }

    @Test func uploadsElsewhereAreNotShownCredentials() throws {
        let storage = try elsewhere(.answer(201))
        let registry = try FakeRegistry { request, _ in
            guard request.headers["authorization"] == Self.basic else {
                return .answer(401, ["WWW-Authenticate": #"Basic realm="reg""#])
            }
            return .answer(202, ["Location": "http://127.0.0.1:\(storage.port)/up?sig=a%2Fb"])
        }
        defer {
            registry.server.stop()
            storage.stop()
        }
        let blob = BlobSource([1, 2])
        try registry.store(Self.ann).write(blob, progress: nil)
        #expect(
            storage.lines == ["PUT /up?sig=a%2Fb&digest=\(WebAddress.escaped("\(blob.digest)"))"])
        #expect(storage.requests.first?.body == [1, 2])
    }

    /// A signature that has expired: the registry gives a new one.
    @Test func storageThatDoesNotPermitIsAskedForAgain() throws {
        let storage = try FaultServer { request in
            request.target.hasSuffix("2")
                ? .bytes(200, [:], [1, 2]) : .answer(403, [:], "<Code>AccessDenied</Code>")
        }
        let number = Mutex(0)
        let registry = try redirecting { _ in
            let number = number.withLock { number in
                number += 1
                return number
            }
            return "http://127.0.0.1:\(storage.port)/\(number)"
        }
        defer {
            registry.server.stop()
            storage.stop()
        }
        let blob = registry.add([1, 2])
        var read: [UInt8] = []
        try registry.store(Self.ann).read(blob, byteCount: 2, range: nil) { read += $0 }
        #expect(read == [1, 2])
        #expect(storage.lines == ["GET /1", "GET /2"])
    }

    @Test func redirectsHaveAnEnd() throws {
        let registry = try redirecting { $0.target + "x" }
        defer { registry.server.stop() }
        let store = try registry.store(Self.ann)
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(error == .damaged(store.name, problem: "reading tags: more than 5 redirects"))
    }

    @Test func writesAreNotRedirected() throws {
        let storage = try elsewhere(.answer(202))
        let registry = try redirecting { _ in "http://127.0.0.1:\(storage.port)/" }
        defer {
            registry.server.stop()
            storage.stop()
        }
        let store = try registry.store(Self.ann)
        let blob = BlobSource([1])
        let error = #expect(throws: RemoteError.self) { try store.write(blob, progress: nil) }
        #expect(
            error
                == .refused(
                    store.name,
                    problem:
                        "writing \(blob.digest.short): it redirects to http://127.0.0.1:\(storage.port); use that address"
                ))
        #expect(storage.lines == [])
    }
}
