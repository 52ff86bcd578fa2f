/// The status and the headers of an answer.
package struct HTTPHead: Sendable {
    /// 0 before there is one.
    package private(set) var status = 0
    private var fields: [(name: String, value: String)] = []
    private var byteCount = 0

    package init() {}

    /// Bytes of a head, at most.
    package static let maximumByteCount = 65536

    /// Takes the next line of a head, with its end. A status line begins the next head, as after `100 Continue`.
    ///
    /// - Returns: Whether there is still room.
    package mutating func add(line: UnsafeRawBufferPointer) -> Bool {
        byteCount += line.count
        guard byteCount <= HTTPHead.maximumByteCount else { return false }
        // Not as text: "\r\n" is one character to Swift.
        if line.starts(with: "HTTP/".utf8) {
            fields = []
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
            status = words.count > 1 ? Int(HTTPHead.text(words[1])) ?? 0 : 0
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let value = line[line.index(after: colon)...]
            fields.append((HTTPHead.text(line[..<colon]).lowercased(), HTTPHead.text(value)))
        }
        return true
    }

    /// Without white space around it.
    private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        let start = bytes.drop(while: isSpace)
        let count = start.reversed().drop(while: isSpace).count
        return String(decoding: start.prefix(count), as: UTF8.self)
    }

    /// The first header called `name`, which is in lower case.
    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// All headers called `name`.
    package func all(_ name: String) -> [String] { fields.compactMap { $0.name == name ? $0.value : nil } }

    /// `Content-Length`, where the body came as that says and not in another encoding.
    package var contentLength: Int? {
        guard self["transfer-encoding"] == nil, !isEncoded, let text = self["content-length"],
            text.utf8.allSatisfy({ 0x30...0x39 ~= $0 })
        else { return nil }
        return Int(text)
    }

    /// Whether the body came compressed, although that was not asked for.
    package var isEncoded: Bool { self["content-encoding"].map { $0.lowercased() != "identity" } ?? false }
}
