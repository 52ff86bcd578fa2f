import Foundations
package import ModelReg

extension PlainValue {
    /// The first digits of a number that has many.
    private static func shortened(_ digits: String) -> String {
        digits.utf8.count <= 60 ? digits : "\(digits.prefix(40))… (\(digits.utf8.count) characters)"
    }

    /// The value for people, on one line.
    package var text: String {
        switch self {
        case .string(let text): JSONText.quoted(text.count > 60 ? String(text.prefix(59)) + "…" : text)
        case .integer(let number): "\(number)"
        case .number(let bits): "\(Double(bitPattern: bits))"
        case .boolean(let flag): "\(flag)"
        case .none: "none"
        case .bytes(let bytes): bytes.count > 16 ? "\(bytes.count) bytes" : "bytes \(HexText.of(bytes))"
        case .bigInteger(let number): PlainValue.shortened(number.description)
        case .name(let name): printable(name.description)
        }
    }
}

extension Manifest.Content {
    /// `float32 [256, 20]`, or the plain value.
    package var text: String {
        switch self {
        case .tensor(let tensor): "\(tensor.dtype) \(tensor.shape)"
        case .value(let value): value.text
        }
    }
}

extension CheckpointPath {
    /// The path for people: the root has no name of its own.
    package var shown: String { text.isEmpty ? "(itself)" : text }
}
