import Checkpoints
import Foundations

/// What a registry says of a failure: `{"errors":[{"code":…,"message":…,"detail":…}]}`.
struct RegistryProblem {
    private(set) var codes: [String] = []
    private var messages: [String] = []
    /// The digest that the details of the first error with one name.
    private(set) var digest: String?

    /// Bytes of an answer that are looked at.
    static let maximumByteCount = 65536

    /// Reads an answer; what is not of that form says nothing.
    init(_ body: [UInt8]) {
        var (codes, messages) = ([String](), [String]())
        try? body.withUnsafeBytes { bytes in
            var json = JSONReader(bytes)
            try json.object { json, key in
                guard key == "errors" else { return try json.skipValue() }
                try json.array { json in
                    try json.object { json, key in
                        switch key {
                        case "code": codes.append(try json.string())
                        case "message": messages.append(try json.string())
                        default: try json.skipValue()
                        }
                    }
                }
            }
        }
        (self.codes, self.messages) = (codes, messages)
        digest = RegistryProblem.digest(in: body)
    }

    /// Registries put it into `detail`, as a text or as a member of one of several names.
    private static func digest(in body: [UInt8]) -> String? {
        let prefix = Array("sha256:".utf8)
        let count = prefix.count + 2 * ContentID.byteCount
        guard body.count >= count else { return nil }
        for start in 0...body.count - count where body[start...].starts(with: prefix) {
            let text = String(decoding: body[start..<start + count], as: UTF8.self)
            if ContentID(hex: text.dropFirst(prefix.count)) != nil { return text }
        }
        return nil
    }

    /// One sentence: what was asked for, the status, and the registry's own words, as `redacting` leaves them.
    func text(_ what: String, status: Int, redacting: (String) -> String = { $0 }) -> String {
        let words = zip(codes, messages + codes.dropFirst(messages.count)).map { code, message in
            message.isEmpty || message == code ? code : "\(message) (\(code))"
        }
        // Before they are cut: a part of a secret is one, too.
        let said = printable(redacting(words.prefix(3).joined(separator: "; ")), limit: 300)
        return said.isEmpty ? "\(what): status \(status)" : "\(what): \(said), status \(status)"
    }
}
