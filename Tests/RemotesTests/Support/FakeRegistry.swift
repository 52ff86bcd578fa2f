import Checkpoints
import Foundation
import Remotes
import Synchronization

/// A registry in memory, on a ``FaultServer``: what a request does not do by its script, it does as it should.
final class FakeRegistry: Sendable {
    private struct State {
        var blobs: [String: [UInt8]] = [:]
        var manifests: [String: (type: String, bytes: [UInt8])] = [:]
        var tags: [String: String] = [:]
    }

    /// Says what goes wrong with a request, the `index`-th (from 0) of its method; `nil` for nothing.
    typealias Fault = @Sendable (_ request: FaultServer.Request, _ index: Int) -> FaultServer.Reply?

    let server: FaultServer
    let delays = Delays()
    private let state: Shared

    private final class Shared: Sendable {
        let contents = Mutex(State())
        let counts = Mutex<[String: Int]>([:])

        func next(_ method: String) -> Int {
            counts.withLock { counts in
                counts[method, default: 0] += 1
                return (counts[method] ?? 1) - 1
            }
        }
    }

    convenience init(_ fault: @escaping Fault = { _, _ in nil }) throws {
        try self.init(cutsBody: { _ in nil }, fault: fault)
    }

    /// - Parameter cutsBody: As that of ``FaultServer``.
    init(cutsBody: @escaping @Sendable (FaultServer.Request) -> Int?, fault: @escaping Fault) throws {
        let state = Shared()
        self.state = state
        server = try FaultServer(cutsBody: cutsBody) { request in
            fault(request, state.next(request.method))
                ?? state.contents.withLock { FakeRegistry.reply(request, &$0) }
        }
    }

    /// The repository `team/mlp` of it. Waits for nobody.
    func store(_ credentials: Credentials? = nil, policy: RetryPolicy? = nil) throws -> RegistryBlobStore {
        var policy = policy ?? FakeRegistry.policy
        policy.sleep = { [delays] in delays.add($0) }
        return try RegistryBlobStore(
            authority: "127.0.0.1:\(server.port)", isSecure: false, repository: "team/mlp",
            credentials: FixedCredentials(found: FoundCredentials(credentials, origin: "a test")),
            policy: policy)
    }

    /// Without chance, on the day of RFC 9110's examples.
    private static var policy: RetryPolicy {
        var policy = RetryPolicy()
        policy.random = { 1 }
        policy.now = { Date(timeIntervalSince1970: 784_111_777) }
        return policy
    }

    /// Puts a blob there.
    func add(_ bytes: [UInt8]) -> ContentID {
        let digest = ContentID(hashing: bytes)
        state.contents.withLock { $0.blobs["\(digest)"] = bytes }
        return digest
    }

    func bytes(of blob: ContentID) -> [UInt8]? { state.contents.withLock { $0.blobs["\(blob)"] } }

    private static func reply(_ request: FaultServer.Request, _ state: inout State) -> FaultServer.Reply {
        let parts = request.target.split(separator: "?", maxSplits: 1)
        let words = parts[0].split(separator: "/").map(String.init)
        guard words.count >= 4, words[0...2] == ["v2", "team", "mlp"] else { return .answer(404) }
        let last = words.last ?? ""
        switch (request.method, words[3]) {
        case ("POST", "blobs"):
            return .answer(202, ["Location": "/v2/team/mlp/blobs/uploads/1?_state=a%2Fb"])
        case ("PUT", "blobs"):
            let digest = ContentID(hashing: request.body)
            guard request.target.hasSuffix("digest=\(WebAddress.escaped("\(digest)"))") else {
                return .answer(
                    400, [:],
                    #"{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}"#)
            }
            state.blobs["\(digest)"] = request.body
            return .answer(201, ["Docker-Content-Digest": "\(digest)"])
        case ("GET", "blobs"), ("HEAD", "blobs"):
            guard let bytes = state.blobs[last] else { return .answer(404) }
            guard let range = request.headers["range"] else { return .bytes(200, [:], bytes) }
            let ends = range.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
            guard ends.count == 2, ends[0] < bytes.count else { return .answer(416) }
            let part = ends[0]...min(ends[1], bytes.count - 1)
            return .bytes(
                206, ["Content-Range": "bytes \(part.lowerBound)-\(part.upperBound)/\(bytes.count)"],
                Array(bytes[part]))
        case ("PUT", "manifests"):
            let text = String(decoding: request.body, as: UTF8.self)
            let digests = text.split(separator: "\"").filter { $0.hasPrefix("sha256:") }.map(String.init)
            if let missing = digests.first(where: { state.blobs[$0] == nil }) {
                return .answer(
                    400, [:],
                    #"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{"Digest":"\#(missing)"}}]}"#
                )
            }
            let digest = "\(ContentID(hashing: request.body))"
            state.manifests[digest] = (request.headers["content-type"] ?? "", request.body)
            state.tags[last] = digest
            return .answer(201, ["Docker-Content-Digest": digest])
        case ("GET", "manifests"):
            let digest = state.tags[last] ?? last
            guard let manifest = state.manifests[digest],
                request.headers["accept"]?.contains(manifest.type) == true
            else { return .answer(404) }
            return .bytes(
                200, ["Content-Type": manifest.type, "Docker-Content-Digest": digest], manifest.bytes)
        case ("DELETE", "manifests"):
            guard state.manifests.removeValue(forKey: last) != nil else { return .answer(404) }
            state.tags = state.tags.filter { $0.value != last }
            return .answer(202)
        case ("GET", "tags"):
            let names = state.tags.keys.map { "\"\($0)\"" }.joined(separator: ",")
            return names.isEmpty
                ? .answer(404) : .answer(200, [:], "{\"name\":\"team/mlp\",\"tags\":[\(names)]}")
        default: return .answer(405)
        }
    }
}

/// The same credentials for all.
struct FixedCredentials: CredentialSource {
    let found: FoundCredentials
    func credentials(for registry: String) -> FoundCredentials { found }
}
