/// What a registry is shown by somebody who may use it.
package enum Credentials: Hashable, Sendable {
    /// A name and a password: for the registry itself, or for the server that gives out its tokens.
    case password(user: String, Secret)
    /// What `docker login` got in place of a password (OAuth 2's refresh token): for the server of tokens alone.
    case identityToken(Secret)
    /// A token for the registry itself.
    case registryToken(Secret)
}

/// Credentials, and where they were found.
package struct FoundCredentials: Hashable, Sendable {
    /// `nil` for none.
    package let credentials: Credentials?
    /// For messages: such as `the credentials of MODELREG_REGISTRY_USER`, or why there are none.
    package let origin: String

    package init(_ credentials: Credentials?, origin: String) {
        self.credentials = credentials
        self.origin = origin
    }
}

/// Where credentials come from. May be asked from several threads at once.
package protocol CredentialSource: Sendable {
    /// Those for a registry, `host[:port]`.
    func credentials(for registry: String) -> FoundCredentials
}

/// Credentials as everybody keeps them: in the environment, or where `docker login` puts them.
///
/// The environment comes first: `MODELREG_REGISTRY_TOKEN`, or `MODELREG_REGISTRY_USER` and `MODELREG_REGISTRY_PASSWORD`;
/// where `MODELREG_REGISTRY_HOST` is set, they are for that `host[:port]` and no other.
package struct UsualCredentials: CredentialSource {
    private let environment: [String: String]

    /// - Parameter environment: Variables by their names.
    package init(environment: [String: String]) { self.environment = environment }

    package func credentials(for registry: String) -> FoundCredentials {
        fromEnvironment(registry) ?? DockerConfiguration.credentials(for: registry, environment: environment)
    }

    private func fromEnvironment(_ registry: String) -> FoundCredentials? {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let host = value("MODELREG_REGISTRY_HOST"), host.lowercased() != registry.lowercased() { return nil }
        if let token = value("MODELREG_REGISTRY_TOKEN") {
            return FoundCredentials(.registryToken(Secret(token)), origin: "MODELREG_REGISTRY_TOKEN")
        }
        if let user = value("MODELREG_REGISTRY_USER"), let password = value("MODELREG_REGISTRY_PASSWORD") {
            return FoundCredentials(
                .password(user: user, Secret(password)),
                origin: "MODELREG_REGISTRY_USER and MODELREG_REGISTRY_PASSWORD")
        }
        return nil
    }
}
