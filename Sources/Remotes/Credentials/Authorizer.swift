import Foundation
import Synchronization

/// What to show a registry with each request, and what to do where that is not enough. For one repository.
final class Authorizer: Sendable {
    /// What a request is for. Tokens are for one of them.
    enum Access: String {
        case pull
        case push = "pull,push"
        case delete
    }

    private struct State {
        var found: FoundCredentials?
        /// The header for everything, where the registry takes credentials themselves.
        var general: Secret?
        var tokens: [Access: TokenServer.Token] = [:]
        var challenges: [Access: Challenge] = [:]
    }

    private let registry: WebAddress.Origin
    private let authority: String
    private let repository: String
    private let source: any CredentialSource
    private let server: TokenServer
    // Held while a token is asked for: whoever else wants one waits for the same.
    private let state = Mutex(State())

    init(
        registry: WebAddress.Origin, authority: String, repository: String, source: any CredentialSource,
        server: TokenServer
    ) {
        self.registry = registry
        self.authority = authority
        self.repository = repository
        self.source = source
        self.server = server
    }

    /// The value of an `Authorization` header.
    static func basic(_ user: String, _ password: Secret) -> Secret {
        Secret("Basic " + Data("\(user):\(password.exposed)".utf8).base64EncodedString())
    }

    /// The header for a request; `nil` for none, where nothing was asked for yet.
    func header(_ access: Access) throws -> Secret? {
        try state.withLock { state in
            if let general = state.general { return general }
            guard let token = state.tokens[access] else { return nil }
            if token.expires > server.policy.now() { return Authorizer.bearer(token) }
            guard let challenge = state.challenges[access] else { return nil }
            return try renew(access, challenge, &state)
        }
    }

    /// Gets what the registry wanted in place of `rejected`.
    ///
    /// - Returns: Whether there is something new to show.
    func renew(_ access: Access, headers: [String], rejected: Secret?) throws -> Bool {
        try state.withLock { state in
            // Somebody else was faster.
            if let header = state.general ?? state.tokens[access].map(Authorizer.bearer), header != rejected {
                return true
            }
            let challenges = headers.flatMap { Challenge.all(in: $0) }
            let found = find(&state)
            if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
                if case .registryToken(let token)? = found.credentials {
                    return use(Secret("Bearer " + token.exposed), rejected, &state)
                }
                _ = try renew(access, challenge, &state)
                return true
            }
            guard challenges.contains(where: { $0.scheme == "basic" }),
                case .password(let user, let password)? = found.credentials
            else { return false }
            return use(Authorizer.basic(user, password), rejected, &state)
        }
    }

    /// Where the credentials came from, or why there are none.
    var origin: String { state.withLock { find(&$0).origin } }

    /// Text of the registry without any secret that it was shown.
    func redacted(_ text: String) -> String {
        let secrets = state.withLock { state in
            let credentials: [Secret] =
                switch state.found?.credentials {
                case .password(_, let secret)?, .identityToken(let secret)?, .registryToken(let secret)?:
                    [secret]
                case nil: []
                }
            let headers =
                state.general.map { [Secret(String($0.exposed.drop { $0 != " " }.dropFirst()))] } ?? []
            return credentials + headers + state.tokens.values.map(\.secret)
        }
        return secrets.reduce(text) { text, secret in
            secret.exposed.isEmpty ? text : text.replacingOccurrences(of: secret.exposed, with: "…")
        }
    }

    private static func bearer(_ token: TokenServer.Token) -> Secret {
        Secret("Bearer " + token.secret.exposed)
    }

    private func find(_ state: inout State) -> FoundCredentials {
        if let found = state.found { return found }
        let found = source.credentials(for: authority)
        state.found = found
        return found
    }

    /// Header values of one line only; a line end in a password would begin a header of its own.
    private func use(_ header: Secret, _ rejected: Secret?, _ state: inout State) -> Bool {
        guard header != rejected, header.exposed.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else { return false }
        state.general = header
        return true
    }

    private func renew(_ access: Access, _ challenge: Challenge, _ state: inout State) throws -> Secret {
        state.tokens[access] = nil
        let token = try server.token(
            for: challenge, defaultScope: "repository:\(repository):\(access.rawValue)", registry: registry,
            found: find(&state))
        state.challenges[access] = challenge
        state.tokens[access] = token
        return Authorizer.bearer(token)
    }
}
