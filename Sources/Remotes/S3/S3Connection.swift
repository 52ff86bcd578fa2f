import Checkpoints
import Foundation
import Foundations
import Synchronization

/// Sends signed requests to one bucket: to its region, wherever that is, and telling failures apart that another try may mend.
///
/// A request is signed for one host, and sent there; no redirect is followed. Where S3 says that the bucket is in another
/// region, the request is signed anew for that, and goes to a host whose name is made here.
final class S3Connection: Sendable {
    /// What to ask.
    struct Request {
        var method: HTTPRequest.Method
        /// Of an object; empty for the bucket.
        var key = ""
        var query: [(name: String, value: String)] = []
        var headers: [(name: String, value: String)] = []
        var body: BlobBytes?
        /// The SHA-256 of the body.
        var payload = S3Connection.nothing
    }

    /// An answer whose status the caller is to judge.
    struct Answer {
        let head: HTTPHead
        /// Of an answer that is no success.
        let problem: S3Problem
    }

    /// What messages call the repository.
    let name: String
    let policy: RetryPolicy
    private let endpoint: S3Endpoint
    private let bucket: String
    private let keys: any AWSKeySource
    private let transport: HTTPTransport
    private let region: Mutex<String>

    static let nothing = ContentID(hashing: [])
    /// Regions that one request is sent to, at most.
    private static let regionLimit = 3

    init(
        name: String, endpoint: S3Endpoint, bucket: String, keys: any AWSKeySource, transport: HTTPTransport,
        policy: RetryPolicy
    ) {
        self.name = name
        self.endpoint = endpoint
        self.bucket = bucket
        self.keys = keys
        self.transport = transport
        self.policy = policy
        region = Mutex(endpoint.region)
    }

    /// Sends a request, again and again where that may help.
    ///
    /// - Parameters:
    ///   - what: What is done, for messages: such as `reading tags`.
    ///   - limit: Bytes of the answer, at most.
    func send(_ request: Request, _ what: String, limit: Int) throws -> (answer: Answer, body: [UInt8]) {
        try policy.run(name) {
            var body: [UInt8] = []
            let answer = try attempt(request, what) { _, bytes in
                guard body.count + bytes.count <= limit else {
                    throw RemoteError.damaged(name, problem: "\(what): more than \(limit) bytes")
                }
                body += bytes
                return true
            }
            return (answer, body)
        }
    }

    /// Tries to send a request once; again where the bucket is elsewhere, or the key has ended.
    ///
    /// - Parameters:
    ///   - sent: As that of ``HTTPTransport/send(_:sent:body:)``.
    ///   - body: As that of ``HTTPTransport/send(_:sent:body:)``, for answers that are a success.
    /// - Throws: ``TemporaryFailure``, ``RemoteError``, or what `body` throws.
    func attempt(
        _ request: Request, _ what: String, sent: (Int) -> Void = { _ in },
        body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Answer {
        var regions: Set<String> = []
        var rejected: AWSKey?
        while true {
            let region = self.region.withLock { $0 }
            regions.insert(region)
            let found = keys.key(otherThan: rejected)
            let answer = try exchange(signed(request, region, found.key, what), sent, body)
            let status = answer.head.status
            if status >= 300, status != 304, status != 412, let other = otherRegion(answer, than: region),
                !regions.contains(other), regions.count < S3Connection.regionLimit
            {
                self.region.withLock { $0 = other }
                continue
            }
            switch (status, answer.problem.code) {
            case (301, _), (302, _), (303, _), (307, _), (308, _):
                throw RemoteError.refused(
                    name,
                    problem: "\(text(answer, what, found)): it redirects; "
                        + "set AWS_REGION, or AWS_ENDPOINT_URL_S3, to where the bucket is")
            case (400, "ExpiredToken"), (403, "ExpiredToken"), (403, "ExpiredTokenException"):
                guard rejected == nil, let key = found.key else { throw notPermitted(answer, what, found) }
                rejected = key
            case (400, "InvalidToken"), (400, "TokenRefreshRequired"), (401, _), (403, _):
                throw notPermitted(answer, what, found)
            case (404, "NoSuchBucket"): throw RemoteError.notFound(name, what: "bucket \(quoted(bucket))")
            case (400, "RequestTimeout"), (409, "OperationAborted"), (409, "ConditionalRequestConflict"):
                throw TemporaryFailure(problem: text(answer, what, found))
            case (400, "BadDigest"), (400, "XAmzContentSHA256Mismatch"), (400, "IncompleteBody"):
                // The bytes were changed on the way.
                throw TemporaryFailure(
                    problem: text(answer, what, found),
                    verdict: .refused(name, problem: text(answer, what, found)))
            case (let status, _) where RetryPolicy.isTemporary(status):
                throw TemporaryFailure(
                    problem: text(answer, what, found),
                    pleaSeconds: policy.seconds(retryAfter: answer.head["retry-after"]))
            default: return answer
            }
        }
    }

    /// Where S3 says that the bucket is.
    private func otherRegion(_ answer: Answer, than region: String) -> String? {
        let said = answer.head["x-amz-bucket-region"] ?? answer.problem.region
        guard let said, said != region, S3Endpoint.isRegion(said) else { return nil }
        return said
    }

    private func signed(
        _ request: Request, _ region: String, _ key: AWSKey?, _ what: String
    ) throws -> HTTPRequest {
        let query = request.query.map { "\($0.name)=\(WebAddress.escaped($0.value))" }.joined(separator: "&")
        guard let address = endpoint.address(bucket: bucket, key: request.key, query: query, region: region)
        else { throw RemoteError.badAddress(name, problem: "\(what): it has no valid address") }
        let timestamp = SignatureV4.timestamp(policy.now())
        var headers =
            request.headers + [("x-amz-content-sha256", request.payload.hex), ("x-amz-date", timestamp)]
        if let token = key?.sessionToken { headers.append(("x-amz-security-token", token.exposed)) }
        if let key {
            let authority = address.origin.text.drop { $0 != "/" }.dropFirst(2)
            let authorization = SignatureV4(key: key, region: region).authorization(
                method: request.method.rawValue, target: address.target,
                headers: headers + [("host", String(authority))], payload: request.payload,
                timestamp: timestamp)
            headers.append(("Authorization", authorization.exposed))
        }
        return HTTPRequest(method: request.method, address: address, headers: headers, body: request.body)
    }

    private func exchange(
        _ request: HTTPRequest, _ sent: (Int) -> Void,
        _ body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Answer {
        var problem: [UInt8] = []
        do {
            let head = try transport.send(request, sent: sent) { head, bytes in
                if 200..<300 ~= head.status { return try body(head, bytes) }
                problem += bytes.prefix(S3Problem.maximumByteCount - problem.count)
                return problem.count < S3Problem.maximumByteCount
            }
            return Answer(head: head, problem: S3Problem(problem))
        } catch let failure as HTTPFailure {
            throw failure.error(name)
        }
    }

    // MARK: Errors

    /// What a failure is, in one sentence without secrets.
    private func text(_ answer: Answer, _ what: String, _ found: FoundAWSKey) -> String {
        let secrets = [found.key?.secret, found.key?.sessionToken].compactMap { $0?.exposed }
        return answer.problem.text(what, status: answer.head.status, without: secrets)
    }

    /// A status that nothing else explains.
    func refused(_ answer: Answer, _ what: String) -> RemoteError {
        .refused(name, problem: text(answer, what, keys.key(otherThan: nil)))
    }

    private func notPermitted(_ answer: Answer, _ what: String, _ found: FoundAWSKey) -> RemoteError {
        .notPermitted(name, problem: "\(text(answer, what, found)) (\(found.origin))")
    }
}
