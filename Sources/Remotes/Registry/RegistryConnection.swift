import Foundation
import Foundations

/// Sends requests to one repository of a registry: with credentials, following redirects, and telling failures apart that
/// another try may mend.
final class RegistryConnection: Sendable {
    /// An answer whose status the caller is to judge: neither a redirect, nor one that asks for credentials.
    struct Answer {
        let head: HTTPHead
        /// Of an answer that is no success: the beginning of its body.
        let problem: [UInt8]
        /// Where it came from, in the end; what it names is relative to that.
        let address: WebAddress
    }

    /// What messages call the repository.
    let name: String
    let registry: WebAddress.Origin
    let policy: RetryPolicy
    private let repository: String
    private let transport: HTTPTransport
    private let authorizer: Authorizer

    /// Redirects of one request, at most.
    private static let redirectLimit = 5

    init(
        registry: WebAddress.Origin, authority: String, repository: String, credentials: any CredentialSource,
        transport: HTTPTransport, policy: RetryPolicy
    ) {
        name = "\(authority)/\(repository)"
        self.registry = registry
        self.repository = repository
        self.transport = transport
        self.policy = policy
        authorizer = Authorizer(
            registry: registry, authority: authority, repository: repository, source: credentials,
            server: TokenServer(remote: name, transport: transport, policy: policy))
    }

    /// The address of something in the repository.
    func address(_ path: String) -> WebAddress {
        WebAddress(origin: registry, target: "/v2/\(repository)/\(path)")
    }

    /// Sends a request, again and again where that may help.
    ///
    /// - Parameters:
    ///   - what: What is done, for messages: such as `reading tags`.
    ///   - limit: Bytes of the answer, at most.
    func send(
        _ request: HTTPRequest, for access: Authorizer.Access, _ what: String, limit: Int
    ) throws -> (answer: Answer, body: [UInt8]) {
        try policy.run(name) {
            var body: [UInt8] = []
            let answer = try attempt(request, for: access, what) { _, bytes in
                guard body.count + bytes.count <= limit else {
                    throw RemoteError.damaged(name, problem: "\(what): more than \(limit) bytes")
                }
                body += bytes
                return true
            }
            return (answer, body)
        }
    }

    /// Tries to send a request once, or twice where credentials were needed.
    ///
    /// - Parameters:
    ///   - sent: As that of ``HTTPTransport/send(_:sent:body:)``.
    ///   - body: As that of ``HTTPTransport/send(_:sent:body:)``, for answers that are a success.
    /// - Throws: ``TemporaryFailure``, ``RemoteError``, or what `body` throws.
    func attempt(
        _ request: HTTPRequest, for access: Authorizer.Access, _ what: String, sent: (Int) -> Void = { _ in },
        body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Answer {
        var address = request.address
        var redirectCount = 0
        var hasRenewed = false
        while true {
            // What is for the registry is shown to nobody else.
            let isRegistry = address.origin == registry
            let authorization = isRegistry ? try authorizer.header(access) : nil
            var current = request
            current.address = address
            if let authorization { current.headers.append(("Authorization", authorization.exposed)) }
            let answer = try exchange(current, sent, body)
            let status = answer.head.status
            switch status {
            case 301, 302, 303, 307, 308:
                redirectCount += 1
                address = try redirect(answer, request.method, redirectCount, what)
            case 401 where isRegistry && !hasRenewed:
                hasRenewed = true
                let challenges = answer.head.all("www-authenticate")
                guard try authorizer.renew(access, headers: challenges, rejected: authorization) else {
                    throw notPermitted(answer, what)
                }
                address = request.address
                redirectCount = 0
            case 401 where isRegistry, 403 where isRegistry: throw notPermitted(answer, what)
            case 401, 403:
                // An address with a signature may be too old; the registry gives a new one.
                throw TemporaryFailure(
                    problem: "\(what): status \(status) of \(address.origin.text)",
                    verdict: .notPermitted(name, problem: "\(what): status \(status) of \(address.origin.text)")
                )
            case let status where RetryPolicy.isTemporary(status):
                throw TemporaryFailure(
                    problem: text(answer, what),
                    pleaSeconds: policy.seconds(retryAfter: answer.head["retry-after"]))
            default: return answer
            }
        }
    }

    private func exchange(
        _ request: HTTPRequest, _ sent: (Int) -> Void,
        _ body: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Answer {
        var problem: [UInt8] = []
        do {
            let head = try transport.send(request, sent: sent) { head, bytes in
                if 200..<300 ~= head.status { return try body(head, bytes) }
                // Debian's registry announces as many bytes as the blob has, and sends 33.
                guard head.status != 416 else { return false }
                problem += bytes.prefix(RegistryProblem.maximumByteCount - problem.count)
                return problem.count < RegistryProblem.maximumByteCount
            }
            return Answer(head: head, problem: problem, address: request.address)
        } catch let failure as HTTPFailure {
            throw failure.error(name)
        }
    }

    private func redirect(
        _ answer: Answer, _ method: HTTPRequest.Method, _ count: Int, _ what: String
    ) throws -> WebAddress {
        guard let location = answer.head["location"], let address = answer.address.resolving(location) else {
            throw RemoteError.damaged(name, problem: "\(what): it redirects to no valid address")
        }
        guard method == .get || method == .head else {
            throw RemoteError.refused(
                name, problem: "\(what): it redirects to \(address.origin.text); use that address")
        }
        guard count <= RegistryConnection.redirectLimit else {
            throw RemoteError.damaged(
                name, problem: "\(what): more than \(RegistryConnection.redirectLimit) redirects")
        }
        try checkNotPlain(address, what)
        return address
    }

    /// Refuses to leave HTTPS: a registry behind a proxy that does not know of it, most often.
    func checkNotPlain(_ address: WebAddress, _ what: String) throws {
        guard !address.isExposed(comparedTo: registry) else {
            throw RemoteError.refused(
                name,
                problem:
                    "\(what): it answers with an address of plain HTTP; does its proxy set X-Forwarded-Proto?"
            )
        }
    }

    // MARK: Errors

    /// What a failure is, in one sentence without secrets.
    func text(_ answer: Answer, _ what: String) -> String {
        RegistryProblem(answer.problem).text(
            what, status: answer.head.status, redacting: authorizer.redacted)
    }

    /// A status that nothing else explains.
    func refused(_ answer: Answer, _ what: String) -> RemoteError {
        .refused(name, problem: text(answer, what))
    }

    private func notPermitted(_ answer: Answer, _ what: String) -> RemoteError {
        .notPermitted(name, problem: "\(text(answer, what)) (\(authorizer.origin))")
    }
}
