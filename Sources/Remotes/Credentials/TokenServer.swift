import Foundation
import Foundations

/// The server that gives out a registry's tokens.
///
/// Source: distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
struct TokenServer {
    /// A token, and until when it is taken.
    struct Token {
        let secret: Secret
        let expires: Date
    }

    let remote: String
    let transport: HTTPTransport
    let policy: RetryPolicy

    /// Bytes of an answer, at most. Tokens have a few thousand.
    private static let maximumByteCount = 1 << 20
    /// How long before its end a token is given up, so that it does not end on the way.
    private static let marginSeconds = 5.0

    /// Asks for a token as a challenge says, for `defaultScope` where that says nothing.
    func token(
        for challenge: Challenge, defaultScope: String, registry: WebAddress.Origin, found: FoundCredentials
    ) throws -> Token {
        guard let realm = challenge.parameters["realm"].flatMap({ WebAddress($0) }) else {
            throw RemoteError.damaged(remote, problem: "it names no server that gives out tokens")
        }
        guard !realm.isExposed(comparedTo: registry) || realm.origin.isLoopback else {
            throw RemoteError.notPermitted(
                remote, problem: "its tokens come from \(realm.origin.text), where others can listen")
        }
        let scopes = (challenge.parameters["scope"] ?? defaultScope).split(separator: " ")
        return try policy.run(remote) {
            try ask(request(realm, challenge.parameters["service"], scopes, found.credentials), found)
        }
    }

    private func request(
        _ realm: WebAddress, _ service: String?, _ scopes: [Substring], _ credentials: Credentials?
    ) -> HTTPRequest {
        var fields = service.map { ["service=\(WebAddress.escaped($0))"] } ?? []
        if case .identityToken(let secret)? = credentials {
            fields += [
                "grant_type=refresh_token", "refresh_token=\(WebAddress.escaped(secret.exposed))",
                "client_id=modelreg",
                "scope=\(WebAddress.escaped(scopes.joined(separator: " ")))",
            ]
            return HTTPRequest(
                method: .post, address: realm,
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(fields.joined(separator: "&").utf8))
        }
        fields += scopes.map { "scope=\(WebAddress.escaped(String($0)))" }
        let address = fields.isEmpty ? realm : realm.adding(query: fields.joined(separator: "&"))
        var request = HTTPRequest(method: .get, address: address)
        if case .password(let user, let password)? = credentials {
            request.headers = [("Authorization", Authorizer.basic(user, password).exposed)]
        }
        return request
    }

    private func ask(_ request: HTTPRequest, _ found: FoundCredentials) throws -> Token {
        var body: [UInt8] = []
        let head: HTTPHead
        do {
            head = try transport.send(request) { _, bytes in
                body += bytes
                return body.count <= TokenServer.maximumByteCount
            }
        } catch let failure as HTTPFailure {
            throw failure.error(remote)
        }
        let server = "its server of tokens, \(request.address.origin.text),"
        switch head.status {
        case 200: break
        case 400, 401, 403:
            throw RemoteError.notPermitted(remote, problem: "\(server) refused (\(found.origin))")
        case let status where RetryPolicy.isTemporary(status):
            throw TemporaryFailure(
                problem: "\(server) answered \(status)",
                pleaSeconds: policy.seconds(retryAfter: head["retry-after"]))
        default: throw RemoteError.refused(remote, problem: "\(server) answered \(head.status)")
        }
        guard body.count <= TokenServer.maximumByteCount, let token = try? token(body), !token.value.isEmpty,
            token.value.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else {
            // The answer may hold a token: nothing of it is told.
            throw RemoteError.damaged(remote, problem: "\(server) gave none")
        }
        let seconds = min(Double(token.seconds), 86_400)
        let lifetime = seconds - min(TokenServer.marginSeconds, seconds / 2)
        return Token(secret: Secret(token.value), expires: policy.now().addingTimeInterval(lifetime))
    }

    private func token(_ body: [UInt8]) throws -> (value: String, seconds: Int) {
        try body.withUnsafeBytes { bytes in
            var json = JSONReader(bytes)
            var value = ""
            // What the specification says where the answer does not.
            var seconds = 60
            try json.object { json, key in
                switch key {
                case "token", "access_token": if !json.null() { value = try json.string() }
                case "expires_in": if !json.null() { seconds = try json.nonNegativeInteger() }
                default: try json.skipValue()
                }
            }
            return (value, seconds)
        }
    }
}

extension HTTPFailure {
    /// What it means for a remote.
    func error(_ remote: String) -> any Error {
        switch self {
        case .cut(let problem): TemporaryFailure(problem: problem)
        case .endlessHead: RemoteError.damaged(remote, problem: "the headers of its answer do not end")
        case .failed(let problem): RemoteError.unavailable(remote, problem: problem)
        }
    }
}
