import Foundations

/// The name of a value inside a checkpoint: keys and indices joined by `/`, escaped as in JSON Pointer
/// (RFC 6901), without the leading slash. A state dict's own dots stay dots.
public struct CheckpointPath: Hashable, Sendable {
    /// The escaped text; empty for a checkpoint that is one single value.
    public let text: String

    /// The whole checkpoint.
    public static let root = CheckpointPath(text: "", isRoot: true)

    // A dictionary may have the key "": its path is empty too, but what is below it needs its slash.
    private let isRoot: Bool

    /// The path that `text` spells, escaped already, other than that of the whole checkpoint.
    package init(escaped text: String) {
        self.init(text: text, isRoot: false)
    }

    private init(text: String, isRoot: Bool) {
        self.text = text
        self.isRoot = isRoot
    }

    /// Whether both are the same path, byte for byte.
    public static func == (left: CheckpointPath, right: CheckpointPath) -> Bool {
        left.isRoot == right.isRoot && left.text.hasSameBytes(as: right.text)
    }

    /// The path of the value at `component`, a key or index, below this one.
    public func appending(_ component: String) -> CheckpointPath {
        var escaped = component
        if component.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) {
            escaped = ""
            for scalar in component.unicodeScalars {
                switch scalar {
                case "~": escaped += "~0"
                case "/": escaped += "~1"
                default: escaped.unicodeScalars.append(scalar)
                }
            }
        }
        return CheckpointPath(text: isRoot ? escaped : text + "/" + escaped, isRoot: false)
    }
}
