#if Web
import NIOHTTP1
import Pages

/// Who may ask for what. Each rule is a sentence of docs/security.md and has a test that breaks it.
struct RequestRules: Sendable {
    private let hosts: Set<String>
    private let token: [UInt8]?

    /// The cookie that a browser has instead of the token in a header.
    static let cookie = "modelreg-token"

    init(_ options: WebServer.Options) {
        var hosts: Set<String> = ["localhost", "127.0.0.1", "[::1]"]
        for host in options.allowedHosts { hosts.insert(host.lowercased()) }
        self.hosts = hosts
        token = options.token.map { Array($0.utf8) }
    }

    enum Verdict: Equatable {
        case allowed
        /// The token was in the header of the request for a session: a cookie is set.
        case session
        case refused(HTTPResponseStatus, String)
        /// A browser is asked for the token.
        case signIn
    }

    func verdict(_ head: HTTPRequestHead) -> Verdict {
        guard head.version == .http1_1 || head.version == .http1_0 else {
            return .refused(.httpVersionNotSupported, "HTTP/1.1 is spoken here")
        }
        // A name that a stranger's page makes mean this machine would let it read the answers (DNS rebinding).
        let names = head.headers["host"]
        guard names.count == 1, hosts.contains(RequestRules.name(ofHost: names[0])) else {
            return .refused(.misdirectedRequest, "the request is for another host; --allow-host allows it")
        }
        guard head.method == .GET || head.method == .HEAD else {
            return .refused(.methodNotAllowed, "only GET and HEAD: pages are for reading")
        }
        if head.headers.contains(name: "transfer-encoding")
            || head.headers["content-length"].contains(where: { $0 != "0" })
        {
            return .refused(.payloadTooLarge, "a request has no body")
        }
        guard head.uri.utf8.first == UInt8(ascii: "/"), head.uri.utf8.count <= 8192 else {
            return .refused(.badRequest, "the address is not understood")
        }
        return access(head)
    }

    private func access(_ head: HTTPRequestHead) -> Verdict {
        let path = head.uri.prefix { $0 != "?" }
        guard let token else {
            return path == "/session" ? .refused(.notFound, "there is no such page") : .allowed
        }
        let given = head.headers["authorization"].first.flatMap { value in
            value.lowercased().hasPrefix("bearer ") ? Array(value.utf8.dropFirst(7)) : nil
        }
        if path == "/session" {
            return given.map { RequestRules.isSame($0, token) } == true
                ? .session : .refused(.unauthorized, "another token is needed")
        }
        // What a page that asks for the token is made of says nothing about the registry.
        if path == "/style.css" || path == "/icon.svg" || path == "/sign-in.js" { return .allowed }
        if let given {
            return RequestRules.isSame(given, token)
                ? .allowed : .refused(.unauthorized, "another token is needed")
        }
        let cookies = head.headers["cookie"].flatMap { $0.split(separator: ";") }
        for cookie in cookies {
            let pair = cookie.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            if pair.count == 2, pair[0] == RequestRules.cookie, RequestRules.isSame(Array(pair[1].utf8), token)
            {
                return .allowed
            }
        }
        return path.hasPrefix("/api/") ? .refused(.unauthorized, "a token is needed") : .signIn
    }

    /// The name without the port: `[::1]:7332` is `[::1]`.
    static func name(ofHost text: String) -> String {
        let text = text.lowercased()
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let rest = text[text.index(after: end)...]
            return rest.isEmpty || isPort(rest) ? String(text[...end]) : ""
        }
        guard let colon = text.firstIndex(of: ":") else { return text }
        return isPort(text[colon...]) ? String(text[..<colon]) : ""
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":"
            && text.dropFirst().utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Compares in a time that does not say where they differ.
    static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        var difference = UInt8(left.count == right.count ? 0 : 1)
        for index in right.indices { difference |= right[index] ^ (index < left.count ? left[index] : 0) }
        return difference == 0
    }
}
#endif
