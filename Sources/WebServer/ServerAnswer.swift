#if Web
import NIOHTTP1

/// An answer that is whole, with the headers that all have.
struct ServerAnswer {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    let bytes: [UInt8]
    /// Whether the connection ends with it.
    var closes = false

    init(status: HTTPResponseStatus, contentType: String?, _ bytes: [UInt8]) {
        self.status = status
        self.bytes = bytes
        headers = [
            "Content-Security-Policy": ServerAnswer.policy, "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache",
        ]
        if let contentType { headers.add(name: "Content-Type", value: contentType) }
    }

    /// What a page may fetch: what is here, and nothing from elsewhere.
    static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
    ].joined(separator: "; ")

    /// Has it saved, and not shown.
    mutating func name(_ fileName: String?) {
        guard let fileName else { return }
        let plain = String(
            fileName.unicodeScalars.prefix(120).map { scalar -> Character in
                let isPlain =
                    scalar.isASCII && scalar.value >= 0x20 && scalar.value < 0x7F
                    && !"\"\\/%;".unicodeScalars.contains(scalar)
                return isPlain ? Character(scalar) : "_"
            })
        headers.replaceOrAdd(name: "Content-Disposition", value: "attachment; filename=\"\(plain)\"")
        headers.replaceOrAdd(name: "Content-Security-Policy", value: "default-src 'none'; sandbox")
    }

    /// Says which content it is; only that, where it is known on the other side.
    mutating func tag(_ tag: String?, unless head: HTTPRequestHead) {
        guard let tag, status == .ok else { return }
        headers.add(name: "ETag", value: tag)
        let known = head.headers[canonicalForm: "if-none-match"]
        if known.contains(where: { $0 == tag || $0 == "*" }) { status = .notModified }
    }
}

/// What of a file is asked for.
enum ByteRange: Equatable {
    case whole
    case part(Range<Int>)
    case impossible

    /// Reads the header `Range`: one range of bytes. Of several, or of other units, all is sent, as RFC 9110 allows.
    init(_ headers: [String], byteCount: Int) {
        self = .whole
        guard headers.count == 1, headers[0].hasPrefix("bytes=") else { return }
        let bounds = headers[0].dropFirst(6).split(
            separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        func number(_ text: Substring) -> Int? {
            text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
        }
        guard bounds.count == 2 else { return }
        switch (number(bounds[0]), number(bounds[1])) {
        case (let first?, let last?):
            guard first <= last else { return }
            self = first < byteCount ? .part(first..<min(last, byteCount - 1) + 1) : .impossible
        case (let first?, nil):
            guard bounds[1].isEmpty else { return }
            self = first < byteCount ? .part(first..<byteCount) : .impossible
        case (nil, let count?):
            guard bounds[0].isEmpty else { return }
            self = count > 0 && byteCount > 0 ? .part(max(0, byteCount - count)..<byteCount) : .impossible
        case (nil, nil): return
        }
    }
}
#endif
