import Checkpoints
import Foundation
import Remotes
import Synchronization

/// A bucket in memory, on a ``FaultServer``. It checks signatures as the specification says, with code of its own, and what
/// a request does not do by its script, it does as S3 does.
final class FakeS3: Sendable {
    /// Says what goes wrong with a request, the `index`-th (from 0) of its method; `nil` for nothing.
    typealias Fault = @Sendable (_ request: FaultServer.Request, _ index: Int) -> FaultServer.Reply?

    static let key = AWSKey(
        id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sessionToken: "a/session+token=")

    let server: FaultServer
    let delays = Delays()
    /// The region that signatures must be for.
    let region: String
    private let state: Shared

    private final class Shared: Sendable {
        let objects = Mutex<[String: [UInt8]]>([:])
        let counts = Mutex<[String: Int]>([:])

        func next(_ method: String) -> Int {
            counts.withLock { counts in
                counts[method, default: 0] += 1
                return (counts[method] ?? 1) - 1
            }
        }
    }

    convenience init(
        region: String = "eu-central-1", pageCount: Int = 1000, _ fault: @escaping Fault = { _, _ in nil }
    ) throws {
        try self.init(region: region, pageCount: pageCount, cutsBody: { _ in nil }, fault: fault)
    }

    /// - Parameters:
    ///   - pageCount: Objects of a page.
    ///   - cutsBody: As that of ``FaultServer``.
    init(
        region: String = "eu-central-1", pageCount: Int = 1000,
        cutsBody: @escaping @Sendable (FaultServer.Request) -> Int?, fault: @escaping Fault
    ) throws {
        let state = Shared()
        self.state = state
        self.region = region
        server = try FaultServer(cutsBody: cutsBody) { request in
            if let reply = fault(request, state.next(request.method)) { return reply }
            if let problem = FakeS3.signatureProblem(request, region: region) {
                return FakeS3.error(403, "SignatureDoesNotMatch", problem)
            }
            return state.objects.withLock { FakeS3.reply(request, &$0, pageCount: pageCount) }
        }
    }

    /// The repository `team/mlp` of the bucket `models`. Waits for nobody.
    func store(
        key: AWSKey? = FakeS3.key, region: String? = nil, keys: (any AWSKeySource)? = nil
    ) throws -> S3BlobStore {
        var policy = RetryPolicy()
        policy.random = { 1 }
        policy.now = { Date(timeIntervalSince1970: 784_111_777) }
        policy.sleep = { [delays] in delays.add($0) }
        return try S3BlobStore(
            bucket: "models", repository: "team/mlp",
            endpoint: S3Endpoint(
                server: WebAddress("http://127.0.0.1:\(server.port)"), region: region ?? self.region),
            keys: keys ?? FixedAWSKeys(found: FoundAWSKey(key, origin: "a test")), policy: policy)
    }

    var keys: [String] { state.objects.withLock { $0.keys.sorted() } }

    subscript(key: String) -> [UInt8]? {
        get { state.objects.withLock { $0["team/mlp/\(key)"] } }
        set { state.objects.withLock { $0["team/mlp/\(key)"] = newValue } }
    }

    /// Puts a blob there.
    func add(_ bytes: [UInt8]) -> ContentID {
        let digest = ContentID(hashing: bytes)
        self["blobs/sha256/\(digest.hex)"] = bytes
        return digest
    }

    static func error(_ status: Int, _ code: String, _ message: String = "") -> FaultServer.Reply {
        .answer(
            status, ["Content-Type": "application/xml"],
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <Error><Code>\(code)</Code><Message>\(message)</Message><StringToSign>AWS4-HMAC-SHA256</StringToSign></Error>
            """)
    }

    // MARK: Signatures

    /// What is wrong with a signature; `nil` for nothing.
    static func signatureProblem(_ request: FaultServer.Request, region: String) -> String? {
        guard let key else { return "no key" }
        let headers = request.headers
        guard let authorization = headers["authorization"], authorization.hasPrefix("AWS4-HMAC-SHA256 ") else {
            return "there is no signature"
        }
        var fields: [Substring: Substring] = [:]
        for field in authorization.dropFirst("AWS4-HMAC-SHA256 ".count).split(separator: ",") {
            let trimmed = field.drop { $0 == " " }
            let name = trimmed.prefix { $0 != "=" }
            fields[name] = trimmed.dropFirst(name.count + 1)
        }
        let stamp = headers["x-amz-date"] ?? ""
        let scope = "\(stamp.prefix(8))/\(region)/s3/aws4_request"
        guard fields["Credential"] == "\(key.id)/\(scope)" else { return "it is for another scope" }
        let names = (fields["SignedHeaders"] ?? "").split(separator: ";").map(String.init)
        // All that matters must be signed.
        let needed = ["host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"]
        let more = ["range", "if-match", "if-none-match", "content-type"].filter { headers[$0] != nil }
        guard names == names.sorted(), Set(names).isSuperset(of: needed + more) else {
            return "it is not over all headers"
        }
        let payload = ContentID(hashing: request.body).hex
        guard headers["x-amz-content-sha256"] == payload else { return "it is for another body" }
        let target = request.target.split(separator: "?", maxSplits: 1).map(String.init)
        let query = target.count > 1 ? target[1].split(separator: "&").sorted().joined(separator: "&") : ""
        var lines = [request.method, target[0], query]
        for name in names { lines.append("\(name):\(headers[name] ?? "")") }
        lines += ["", names.joined(separator: ";"), payload]
        let hash = ContentID(hashing: Array(lines.joined(separator: "\n").utf8)).hex
        var code = Array("AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".utf8)
        for part in scope.split(separator: "/") { code = HMAC.code(key: code, part.utf8) }
        let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(hash)"
        let wanted = HMAC.code(key: code, text.utf8).map { String(format: "%02x", $0) }.joined()
        return fields["Signature"].map(String.init) == wanted ? nil : "it is another signature"
    }

    // MARK: Objects

    /// Not MD5: nobody may count on that.
    static func etag(_ bytes: [UInt8]) -> String {
        "\"\(ContentID(hashing: [1] + bytes).hex.prefix(32))\""
    }

    private static func reply(
        _ request: FaultServer.Request, _ objects: inout [String: [UInt8]], pageCount: Int
    ) -> FaultServer.Reply {
        let parts = request.target.split(separator: "?", maxSplits: 1).map(String.init)
        guard parts[0].hasPrefix("/models/"),
            let key = String(parts[0].dropFirst("/models/".count)).removingPercentEncoding
        else { return error(404, "NoSuchBucket", "The specified bucket does not exist") }
        let object = objects[key]
        switch request.method {
        case "GET" where key.isEmpty:
            return list(parts.count > 1 ? parts[1] : "", objects.keys.sorted(), pageCount: pageCount)
        case "GET", "HEAD":
            guard let object else { return error(404, "NoSuchKey", "The specified key does not exist.") }
            guard let range = request.headers["range"] else {
                return .bytes(200, ["ETag": etag(object)], object)
            }
            let ends = range.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
            guard ends.count == 2, ends[0] < object.count else { return error(416, "InvalidRange") }
            let part = ends[0]...min(ends[1], object.count - 1)
            return .bytes(
                206, ["Content-Range": "bytes \(part.lowerBound)-\(part.upperBound)/\(object.count)"],
                Array(object[part]))
        case "PUT", "DELETE":
            if request.headers["if-none-match"] == "*", object != nil {
                return error(412, "PreconditionFailed")
            }
            if let wanted = request.headers["if-match"] {
                guard let object else { return error(404, "NoSuchKey") }
                guard wanted == etag(object) else { return error(412, "PreconditionFailed") }
            }
            guard request.method == "PUT" else {
                objects[key] = nil
                return .answer(204)
            }
            objects[key] = request.body
            return .answer(200, ["ETag": etag(request.body)])
        default: return error(405, "MethodNotAllowed")
        }
    }

    private static func list(_ query: String, _ keys: [String], pageCount: Int) -> FaultServer.Reply {
        var fields: [String: String] = [:]
        for field in query.split(separator: "&") {
            let name = field.prefix { $0 != "=" }
            fields[String(name)] = String(field.dropFirst(name.count + 1)).removingPercentEncoding
        }
        guard fields["list-type"] == "2", let prefix = fields["prefix"] else {
            return error(400, "InvalidArgument")
        }
        let after = fields["continuation-token"].map { String($0.dropFirst("after ".count)) } ?? ""
        let found = keys.filter { $0.hasPrefix(prefix) && $0 > after }
        let page = found.prefix(pageCount)
        let isTruncated = found.count > page.count
        let contents = page.map { key in
            "<Contents><Key>\(WebAddress.escaped(key))</Key><ETag>&quot;x&quot;</ETag><Size>1</Size></Contents>"
        }
        let next = isTruncated ? "<NextContinuationToken>after \(page.last ?? "")</NextContinuationToken>" : ""
        return .answer(
            200, [:],
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>models</Name>\
            <EncodingType>url</EncodingType><IsTruncated>\(isTruncated)</IsTruncated>\(next)\(contents.joined())\
            </ListBucketResult>
            """)
    }
}

/// The same key for all.
struct FixedAWSKeys: AWSKeySource {
    let found: FoundAWSKey
    func key(otherThan rejected: AWSKey?) -> FoundAWSKey { found }
}
