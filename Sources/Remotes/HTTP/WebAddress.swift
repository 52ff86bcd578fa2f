/// An http or https URL, whose path and query stay byte for byte as they were given: registries sign them.
package struct WebAddress: Hashable, Sendable {
    /// Who is talked to. Credentials for one are for no other.
    package struct Origin: Hashable, Sendable {
        package let isSecure: Bool
        /// In lower case; an IPv6 address in brackets.
        package let host: String
        package let port: Int

        /// Such as `https://registry.example.com:5000`.
        package var text: String {
            let isDefault = port == (isSecure ? 443 : 80)
            return "\(isSecure ? "https" : "http")://\(host)\(isDefault ? "" : ":\(port)")"
        }

        /// Whether it is this machine, where nobody listens between.
        var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }

        /// Whether only this machine reaches it: no proxy does.
        var isLocal: Bool {
            isLoopback || host.hasPrefix("169.254.") || host == "[fd00:ec2::23]" || host == "[fd00:ec2::254]"
        }
    }

    package let origin: Origin
    /// Path and query: begins with `/`, without a fragment.
    package let target: String

    init(origin: Origin, target: String) {
        self.origin = origin
        self.target = target
    }

    /// The whole of it.
    package var text: String { origin.text + target }

    /// Reads `http[s]://host[:port][/path][?query]`; `nil` for anything else, such as an address with credentials.
    package init?(_ text: String) {
        guard text.utf8.count <= WebAddress.maximumByteCount, text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            return nil
        }
        let scheme = text.prefix { $0 != ":" }
        let isSecure = scheme.lowercased() == "https"
        guard isSecure || scheme.lowercased() == "http", text.dropFirst(scheme.count).hasPrefix("://") else {
            return nil
        }
        let rest = text.dropFirst(scheme.count + 3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let origin = WebAddress.origin(of: authority, isSecure: isSecure) else { return nil }
        self.init(origin: origin, target: WebAddress.target(rest.dropFirst(authority.count)))
    }

    /// Bytes of an address, at most. Signed ones have a few thousand.
    package static let maximumByteCount = 16384

    /// Reads `host[:port]`.
    static func origin(of authority: Substring, isSecure: Bool) -> Origin? {
        var host = authority.lowercased()[...]
        var port = isSecure ? 443 : 80
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            let digits = host[host.index(after: colon)...]
            guard let number = UInt16(digits), number > 0, digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") })
            else {
                return nil
            }
            port = Int(number)
            host = host[..<colon]
        }
        let isIPv6 = host.hasPrefix("[") && host.hasSuffix("]")
        let name = isIPv6 ? host.dropFirst().dropLast() : host
        guard !name.isEmpty,
            name.unicodeScalars.allSatisfy({ scalar in
                switch scalar {
                case "a"..."z", "0"..."9", ".": true
                case "-", "_": !isIPv6
                case ":": isIPv6
                default: false
                }
            })
        else { return nil }
        return Origin(isSecure: isSecure, host: String(host), port: port)
    }

    private static func target(_ text: Substring) -> String {
        let withoutFragment = text.prefix { $0 != "#" }
        return withoutFragment.hasPrefix("/") ? String(withoutFragment) : "/\(withoutFragment)"
    }

    /// What a `Location` or `Link` says, which may be relative to this; `nil` where it is no such address.
    package func resolving(_ reference: String) -> WebAddress? {
        if let address = WebAddress(reference) { return address }
        guard reference.utf8.count <= WebAddress.maximumByteCount,
            reference.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else { return nil }
        if reference.hasPrefix("//") {
            return WebAddress("\(origin.isSecure ? "https" : "http"):\(reference)")
        }
        let path = target.prefix { $0 != "?" }
        if reference.hasPrefix("/") {
            return WebAddress(origin: origin, target: WebAddress.target(reference[...]))
        } else if reference.hasPrefix("?") {
            return WebAddress(origin: origin, target: WebAddress.target(path + reference))
        }
        // Another scheme, such as `ftp://…` or an http address with a password.
        guard !reference.prefix(while: { $0 != "/" && $0 != "?" }).contains(":") else { return nil }
        let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        return WebAddress(origin: origin, target: WebAddress.target(folder + reference))
    }

    /// Whether others could listen there who cannot at `registry`.
    package func isExposed(comparedTo registry: Origin) -> Bool { registry.isSecure && !origin.isSecure }

    /// With another `name=value` at the end of the query.
    package func adding(query: String) -> WebAddress {
        let separator = target.contains("?") ? (target.hasSuffix("?") || target.hasSuffix("&") ? "" : "&") : "?"
        return WebAddress(origin: origin, target: target + separator + query)
    }

    /// Text as the value of a query: what is neither letter, digit, nor one of `-._~` becomes `%XX`.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(UnicodeScalar(byte))
            default:
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
