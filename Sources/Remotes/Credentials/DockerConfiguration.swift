import Foundation
import Foundations

/// What `docker login` keeps: `config.json`, and the programs that it names.
///
/// Source: docker/cli, "docker login", "Credential stores"; docker/docker-credential-helpers.
enum DockerConfiguration {
    /// Bytes of the file, at most.
    private static let maximumByteCount = 1 << 20
    /// How long a program may think. Some ask the user.
    private static let helperSeconds = 60.0

    /// The credentials for a registry, `host[:port]`.
    static func credentials(for registry: String, environment: [String: String]) -> FoundCredentials {
        guard let path = path(environment) else {
            return FoundCredentials(nil, origin: "no credentials: neither DOCKER_CONFIG nor HOME is set")
        }
        let none = FoundCredentials(
            nil, origin: "no credentials for \(registry) in \(path); use \"docker login \(registry)\"")
        guard let data = FileManager.default.contents(atPath: path) else { return none }
        let contents: Contents
        do {
            guard data.count <= maximumByteCount else { throw JSONError.tooDeep(offset: maximumByteCount) }
            contents = try [UInt8](data).withUnsafeBytes { try Contents($0) }
        } catch {
            return FoundCredentials(nil, origin: "no credentials: \(path) cannot be read: \(error)")
        }
        let keys = keys(registry)
        let helper = keys.lazy.compactMap { contents.helpers[$0] }.first ?? contents.store
        if let helper, !helper.isEmpty {
            // An entry of its own comes second, as for docker.
            let found = fromHelper(helper, server: keys[0], environment: environment)
            if found.credentials != nil { return found }
            return contents.credentials(keys, path: path) ?? found
        }
        return contents.credentials(keys, path: path) ?? none
    }

    private static func path(_ environment: [String: String]) -> String? {
        if let folder = environment["DOCKER_CONFIG"], !folder.isEmpty { return "\(folder)/config.json" }
        return environment["HOME"].map { "\($0)/.docker/config.json" }
    }

    /// What an entry for a registry may be called, the most usual first.
    private static func keys(_ registry: String) -> [String] {
        let isHub = ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(registry)
        let hub = isHub ? ["https://index.docker.io/v1/", "index.docker.io", "docker.io"] : []
        return hub + [
            registry, "https://\(registry)", "https://\(registry)/", "https://\(registry)/v1/",
            "https://\(registry)/v2/", "http://\(registry)",
        ]
    }

    // MARK: Programs

    /// Asks `docker-credential-NAME get`.
    private static func fromHelper(
        _ name: String, server: String, environment: [String: String]
    ) -> FoundCredentials {
        let program = "docker-credential-\(name)"
        guard let path = path(of: program, environment) else {
            return FoundCredentials(nil, origin: "no credentials: there is no program \(printable(program))")
        }
        guard
            let output = ChildProcess.output(
                of: [path, "get"], input: Array(server.utf8), timeoutSeconds: helperSeconds)
        else {
            return FoundCredentials(
                nil, origin: "no credentials: \(printable(program)) has none for \(server)")
        }
        var user: String?
        var secret: String?
        do {
            try Array(output.utf8).withUnsafeBytes { bytes in
                var json = JSONReader(bytes)
                try json.object { json, key in
                    switch key {
                    case "Username": user = try json.string()
                    case "Secret": secret = try json.string()
                    default: try json.skipValue()
                    }
                }
            }
        } catch {
            // What it printed may be a password: only where it is wrong is told.
            return FoundCredentials(
                nil, origin: "no credentials: \(printable(program)) printed no JSON: \(error)")
        }
        guard let user, let secret, !secret.isEmpty else {
            return FoundCredentials(
                nil, origin: "no credentials: \(printable(program)) gave none for \(server)")
        }
        return FoundCredentials(
            user == "<token>" ? .identityToken(Secret(secret)) : .password(user: user, Secret(secret)),
            origin: printable(program))
    }

    /// Where a program is; `nil` for a name that is a path.
    private static func path(of program: String, _ environment: [String: String]) -> String? {
        guard !program.contains("/") else { return nil }
        return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    // MARK: The file

    /// The members of the file that matter.
    private struct Contents {
        var store: String?
        var helpers: [String: String] = [:]
        var entries: [String: Entry] = [:]

        struct Entry {
            var auth: String?
            var user: String?
            var password: String?
            var identityToken: String?
            var registryToken: String?

            var pair: (String, String)? {
                guard let user, let password, !password.isEmpty else { return nil }
                return (user, password)
            }
        }

        init(_ bytes: UnsafeRawBufferPointer) throws {
            var json = JSONReader(bytes)
            var (store, helpers, entries) = (String?.none, [String: String](), [String: Entry]())
            try json.object { json, key in
                switch key {
                case "credsStore": store = try json.string()
                case "credHelpers": try json.object { json, host in helpers[host] = try json.string() }
                case "auths": try json.object { json, host in entries[host] = try Contents.entry(&json) }
                default: try json.skipValue()
                }
            }
            try json.end()
            (self.store, self.helpers, self.entries) = (store, helpers, entries)
        }

        private static func entry(_ json: inout JSONReader) throws -> Entry {
            var entry = Entry()
            try json.object { json, key in
                switch key {
                case "auth": entry.auth = try json.string()
                case "username": entry.user = try json.string()
                case "password": entry.password = try json.string()
                case "identitytoken": entry.identityToken = try json.string()
                case "registrytoken": entry.registryToken = try json.string()
                default: try json.skipValue()
                }
            }
            return entry
        }

        /// Those of the first entry that has any.
        func credentials(_ keys: [String], path: String) -> FoundCredentials? {
            for key in keys {
                guard let entry = entries[key] else { continue }
                if let token = entry.identityToken, !token.isEmpty {
                    return FoundCredentials(.identityToken(Secret(token)), origin: path)
                }
                if let token = entry.registryToken, !token.isEmpty {
                    return FoundCredentials(.registryToken(Secret(token)), origin: path)
                }
                if let (user, password) = entry.auth.flatMap(Contents.pair) ?? entry.pair {
                    return FoundCredentials(.password(user: user, Secret(password)), origin: path)
                }
            }
            return nil
        }

        /// `user:password` in Base64; docker ends it with NULs at times.
        private static func pair(_ auth: String) -> (String, String)? {
            guard let data = Data(base64Encoded: auth),
                let text = String(validating: data.reversed().drop { $0 == 0 }.reversed(), as: UTF8.self),
                let colon = text.firstIndex(of: ":")
            else { return nil }
            let password = String(text[text.index(after: colon)...])
            return password.isEmpty ? nil : (String(text[..<colon]), password)
        }
    }
}
