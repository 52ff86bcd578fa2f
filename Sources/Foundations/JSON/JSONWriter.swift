/// Writes JSON without white space, with escapes only where they must be.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Whether the next member needs a comma before it.
    private var needsComma = false

    /// Begins an object or array.
    package mutating func open(_ bracket: UnicodeScalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    /// Ends an object or array.
    package mutating func close(_ bracket: UnicodeScalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    /// A key of an object; its value must follow.
    package mutating func key(_ key: String) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        string(key)
        bytes.append(UInt8(ascii: ":"))
    }

    /// An array of whole numbers.
    package mutating func integers(_ values: [Int]) {
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: "\(value)".utf8)
        }
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// A text.
    package mutating func string(_ text: String) {
        JSONText.append(text, to: &bytes, escapes: .short)
        needsComma = true
    }
}
