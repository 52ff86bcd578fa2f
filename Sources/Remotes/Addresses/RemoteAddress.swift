import Foundations

/// Where repositories of models are: a registry that speaks the OCI distribution protocol, a folder, or a bucket of S3.
///
///     oci://HOST[:PORT][/NAMESPACE]       a registry; plain HTTP on loopback, HTTPS elsewhere
///     oci+http://HOST[:PORT][/NAMESPACE]  a registry that speaks plain HTTP
///     oci:FOLDER                          a folder that is an OCI image layout, or has one for each model
///     s3://BUCKET[/PREFIX]                a bucket of S3, or of a store that speaks its protocol
package struct RemoteAddress: Hashable, Sendable {
    /// The kinds of remotes.
    package enum Place: Hashable, Sendable {
        /// A registry: `host[:port]`, and whether to speak HTTPS.
        case registry(authority: String, isSecure: Bool)
        /// A folder.
        case folder
        /// A bucket, by its name.
        case bucket(String)
    }

    package let place: Place
    /// The namespace at a registry or the prefix of keys, perhaps empty; the path of a folder.
    package let path: String

    package init(place: Place, path: String) {
        self.place = place
        self.path = path
    }

    /// Whether `text` is meant as an address, and not as the name of a remote.
    package static func isAddress(_ text: String) -> Bool {
        text.hasPrefix("oci:") || text.hasPrefix("oci+http:") || text.hasPrefix("s3://")
    }

    /// Reads an address.
    ///
    /// - Throws: ``RemoteError/badAddress(_:problem:)``.
    package init(_ text: String) throws(RemoteError) {
        func bad(_ problem: String) -> RemoteError { .badAddress(text, problem: problem) }
        let isPlain = text.hasPrefix("oci+http://")
        if isPlain || text.hasPrefix("oci://") {
            let rest = text.drop { $0 != "/" }.dropFirst(2)
            let authority = rest.prefix { $0 != "/" }
            let name = rest.dropFirst(authority.count).drop { $0 == "/" }
            let namespace = String(name.hasSuffix("/") ? name.dropLast() : name)
            guard !authority.contains("@") else {
                throw .badAddress(
                    "oci://…@…", problem: "credentials do not belong into an address; use \"docker login\"")
            }
            guard let host = RemoteAddress.host(authority) else { throw bad("it has no valid host") }
            guard namespace.isEmpty || RepositoryName.isValid(namespace) else {
                throw bad(
                    "\(quoted(namespace)) is not a valid namespace: lower case, digits, and . _ - between")
            }
            let isLoopback = ["localhost", "127.0.0.1", "[::1]"].contains(host)
            self.init(
                place: .registry(authority: String(authority), isSecure: !isPlain && !isLoopback),
                path: namespace)
        } else if text.hasPrefix("s3://") {
            let rest = text.dropFirst("s3://".count)
            let bucket = rest.prefix { $0 != "/" }
            let name = rest.dropFirst(bucket.count).drop { $0 == "/" }
            let prefix = String(name.hasSuffix("/") ? name.dropLast() : name)
            guard !bucket.contains("@") else {
                throw .badAddress(
                    "s3://…@…", problem: "credentials do not belong into an address; see AWS_ACCESS_KEY_ID")
            }
            guard S3Endpoint.isBucket(String(bucket)) else {
                throw bad("\(quoted(String(bucket))) is not a valid name of a bucket")
            }
            guard prefix.isEmpty || S3Endpoint.isPrefix(prefix) else {
                throw bad(
                    "\(quoted(prefix)) is not a valid prefix: letters, digits and !_.*'()- between slashes")
            }
            self.init(place: .bucket(String(bucket)), path: prefix)
        } else if text.hasPrefix("oci:") {
            let folder = String(text.dropFirst("oci:".count))
            guard !folder.isEmpty else { throw bad("it names no folder") }
            let end = folder.lastIndex { $0 != "/" } ?? folder.startIndex
            self.init(place: .folder, path: String(folder[...end]))
        } else {
            throw bad("it begins with none of oci://, oci+http://, oci:, s3://")
        }
    }

    /// The host of `host[:port]`; `nil` where that is malformed.
    private static func host(_ authority: Substring) -> String? {
        var host = authority
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            let port = authority[authority.index(after: colon)...]
            guard let number = UInt16(port), number > 0, port.utf8.allSatisfy({ $0 != UInt8(ascii: "+") })
            else {
                return nil
            }
            host = authority[..<colon]
        }
        let isIPv6 = host.hasPrefix("[") && host.hasSuffix("]")
        let isValid = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            case UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): isIPv6
            default: false
            }
        }
        return isValid && !host.isEmpty ? String(host) : nil
    }

    /// The address, as it is read.
    package var text: String {
        switch place {
        case .folder: return "oci:\(path)"
        case .bucket(let bucket): return "s3://\(bucket)\(path.isEmpty ? "" : "/\(path)")"
        case .registry(let authority, let isSecure):
            let needsPlain = !isSecure && !RemoteAddress.isLoopback(authority)
            return "oci\(needsPlain ? "+http" : "")://\(authority)\(path.isEmpty ? "" : "/\(path)")"
        }
    }

    private static func isLoopback(_ authority: String) -> Bool {
        host(authority[...]).map { ["localhost", "127.0.0.1", "[::1]"].contains($0) } ?? false
    }
}
