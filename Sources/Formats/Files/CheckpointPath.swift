import Checkpoints

extension [CheckpointKey] {
    /// The keys joined by `/`, escaped as in JSON Pointer (RFC 6901), without a leading slash.
    var pointer: String {
        map { key in
            let text = key.description
            guard text.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
                return text
            }
            return text.reduce(into: "") { result, character in
                switch character {
                case "~": result += "~0"
                case "/": result += "~1"
                default: result.append(character)
                }
            }
        }.joined(separator: "/")
    }
}
