import Checkpoints

/// The repository of a model at a remote, by the grammar of the OCI distribution specification.
///
///     [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
package enum RepositoryName {
    /// Bytes of a repository's name, at most: registries limit host and name together to 255.
    package static let maximumByteCount = 200

    /// Whether `text` follows the grammar.
    package static func isValid(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= maximumByteCount
            && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isComponent)
    }

    private static func isComponent(_ text: Substring) -> Bool {
        var last: UInt8 = 0
        var run = 0
        for byte in text.utf8 {
            if isLetterOrDigit(byte) {
                run = 0
            } else {
                run += 1
                switch byte {
                case UInt8(ascii: "."): guard run == 1 else { return false }
                case UInt8(ascii: "_"): guard run <= 2, run == 1 || last == byte else { return false }
                case UInt8(ascii: "-"): guard run == 1 || last == byte else { return false }
                default: return false
                }
                guard last != 0 else { return false }
            }
            last = byte
        }
        return isLetterOrDigit(last)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// The repository of the model called `model`: its name where the grammar allows that; else the name in lower case,
    /// without what is not allowed, and `-x` and eight digits of the name's SHA-256, so that no two models share one.
    package static func of(model: String) -> String {
        if isValid(model) { return model }
        let components = model.lowercased().split(separator: "/").map { component in
            component.split { !isLetterOrDigit($0.utf8.first ?? 0) || $0.utf8.count > 1 }.joined(separator: "-")
        }
        let readable = components.filter { !$0.isEmpty }.joined(separator: "/").prefix(120)
        let suffix = "x" + ContentID(hashing: Array(model.utf8)).hex.prefix(8)
        let isComplete = readable.last.map { $0 != "/" && $0 != "-" } ?? false
        return isComplete ? "\(readable)-\(suffix)" : "\(readable)\(suffix)"
    }
}
