import Foundations

/// Writes fields of patches and trees: numbers in LEB128, texts and bytes after their length, ids as they are.
package struct FieldWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func byte(_ byte: UInt8) { bytes.append(byte) }

    package mutating func raw(_ raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

    /// Seven bits a byte, low bits first, the top bit set on all but the last byte.
    package mutating func number(_ number: Int) {
        LEB128.write(number) { bytes.append($0) }
    }

    package mutating func word<Word: FixedWidthInteger>(_ word: Word) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func text(_ text: String) {
        number(text.utf8.count)
        raw(text.utf8)
    }

    package mutating func data(_ data: [UInt8]) {
        number(data.count)
        raw(data)
    }

    package mutating func id(_ id: ContentID) { raw(id.bytes) }

    package mutating func list<Element>(_ list: [Element], _ write: (inout FieldWriter, Element) -> Void) {
        number(list.count)
        for element in list { write(&self, element) }
    }
}

extension FieldWriter {
    package mutating func optional<Value>(_ value: Value?, _ write: (inout FieldWriter, Value) -> Void) {
        byte(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }
}
