/// What a server wants to be shown: one challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1).
package struct Challenge: Hashable, Sendable {
    /// In lower case: `basic`, `bearer`.
    package let scheme: String
    /// Names in lower case.
    package private(set) var parameters: [String: String] = [:]

    /// All challenges of a header, such as `Bearer realm="https://…",service="a", Basic realm="b"`. What cannot be read ends
    /// the list.
    package static func all(in header: String) -> [Challenge] {
        var challenges: [Challenge] = []
        var rest = Array(header.utf8)[...]
        while true {
            rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ",") || $0 == 0x09 }
            let word = rest.prefix(while: isTokenByte)
            guard !word.isEmpty else { return challenges }
            rest = rest.dropFirst(word.count)
            let name = String(decoding: word, as: UTF8.self).lowercased()
            guard rest.first == UInt8(ascii: "=") else {
                challenges.append(Challenge(scheme: name))
                continue
            }
            rest = rest.dropFirst()
            guard let value = value(&rest), let last = challenges.indices.last else { return challenges }
            // The first of a name counts.
            if challenges[last].parameters[name] == nil { challenges[last].parameters[name] = value }
        }
    }

    /// A word, or a text in quotation marks, which must end.
    private static func value(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.first == UInt8(ascii: "\"") else {
            let word = rest.prefix(while: isTokenByte)
            rest = rest.dropFirst(word.count)
            return String(decoding: word, as: UTF8.self)
        }
        rest = rest.dropFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                bytes.append(escaped)
            default: bytes.append(byte)
            }
        }
        return nil
    }

    /// What a token may have, and what values have that ought to be in quotation marks.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "=")
            && byte != UInt8(ascii: "\"")
    }
}
