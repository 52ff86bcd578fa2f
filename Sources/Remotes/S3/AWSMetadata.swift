import Foundation

/// Keys of the machine that this runs on: of a container (ECS, EKS) or an instance (EC2), which answer by plain HTTP on
/// addresses of that machine alone.
///
/// Source: AWS SDKs and Tools Reference Guide, "Container credential provider" and "IMDS credential provider" (version 2).
package struct AWSMetadata: Sendable {
    private let environment: [String: String]
    private let transport: HTTPTransport

    /// Bytes of an answer, at most.
    private static let maximumByteCount = 65536
    private static let container = "http://169.254.170.2"
    private static let instance = "http://169.254.169.254"

    /// - Throws: ``RemoteError/noTransport(problem:)``.
    package init(environment: [String: String]) throws(RemoteError) {
        self.environment = environment
        var patience = HTTPTransport.Patience()
        // Elsewhere, nobody has these addresses.
        patience.connectSeconds = 1
        patience.stallSeconds = 2
        transport = try HTTPTransport(patience: patience)
    }

    /// The key; `nil` where there is nobody to ask.
    package func key() -> FoundAWSKey? {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let path = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return fromContainer(AWSMetadata.container + path, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        }
        if let address = value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            return fromContainer(address, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        }
        guard value("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else { return nil }
        return fromInstance(value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? AWSMetadata.instance)
    }

    private func fromContainer(_ text: String, _ name: String) -> FoundAWSKey {
        func none(_ problem: String) -> FoundAWSKey { FoundAWSKey(nil, origin: "no key: \(name) \(problem)") }
        // As AWS's own tools: a token is shown to nobody else by plain HTTP.
        let hosts = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]
        guard let address = WebAddress(text),
            address.origin.isSecure || address.origin.isLoopback || hosts.contains(address.origin.host)
        else { return none("names no address of this machine") }
        var headers: [(name: String, value: String)] = []
        if let token = token() {
            guard token.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else { return none("has an invalid token") }
            headers = [("Authorization", token)]
        }
        guard let key = get(address, headers).flatMap({ AWSKey(json: $0) }) else { return none("gave none") }
        return FoundAWSKey(key, origin: "the key of \(name)")
    }

    private func token() -> String? {
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], !path.isEmpty {
            let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
            return text?.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func fromInstance(_ base: String) -> FoundAWSKey? {
        let folder = "\(base)/latest/meta-data/iam/security-credentials/"
        guard let tokens = WebAddress("\(base)/latest/api/token"), let roles = WebAddress(folder),
            let token = send(
                HTTPRequest(
                    method: .put, address: tokens, headers: [("X-aws-ec2-metadata-token-ttl-seconds", "21600")],
                    body: []))
        else { return nil }
        let text = String(decoding: token, as: UTF8.self)
        guard !text.isEmpty, text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { return nil }
        let headers = [(name: "X-aws-ec2-metadata-token", value: text)]
        guard let names = get(roles, headers),
            let role = String(decoding: names, as: UTF8.self).split(whereSeparator: \.isNewline).first,
            let address = WebAddress(folder + WebAddress.escaped(String(role))),
            let key = get(address, headers).flatMap({ AWSKey(json: $0) })
        else { return nil }
        return FoundAWSKey(key, origin: "the key of this instance's role")
    }

    private func get(_ address: WebAddress, _ headers: [(name: String, value: String)]) -> [UInt8]? {
        send(HTTPRequest(method: .get, address: address, headers: headers))
    }

    private func send(_ request: HTTPRequest) -> [UInt8]? {
        var body: [UInt8] = []
        let head = try? transport.send(request) { _, bytes in
            body += bytes
            return body.count <= AWSMetadata.maximumByteCount
        }
        return head?.status == 200 && body.count <= AWSMetadata.maximumByteCount ? body : nil
    }
}
