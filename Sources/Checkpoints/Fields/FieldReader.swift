import Foundations

/// What is wrong with the bytes of a patch or tree.
package struct FieldProblem: Error {
    package let text: String

    package init(_ text: String) { self.text = text }
}

/// Reads fields of patches and trees from front to back, and nothing beyond the end. Takes any bytes, from anywhere.
package struct FieldReader {
    private var reader: ByteReader

    /// Offset of the next field.
    package var offset: Int { reader.position }

    package init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    private var truncated: FieldProblem { FieldProblem("it ends too early") }

    /// The next bytes, where they lie.
    package mutating func raw(_ count: Int) throws(FieldProblem) -> UnsafeRawBufferPointer {
        guard let bytes = reader.bytes(count) else { throw truncated }
        return bytes
    }

    package mutating func byte() throws(FieldProblem) -> UInt8 { try raw(1)[0] }

    package mutating func number() throws(FieldProblem) -> Int {
        let number = try LEB128.read { () throws(FieldProblem) in try byte() }
        guard let number else { throw FieldProblem("a malformed number") }
        return number
    }

    package mutating func word<Word: FixedWidthInteger>(_ type: Word.Type = Word.self) throws(FieldProblem)
        -> Word
    {
        guard let word = reader.integer(Word.self) else { throw truncated }
        return word
    }

    package mutating func text() throws(FieldProblem) -> String {
        guard let text = String(validating: try raw(try number()), as: UTF8.self) else {
            throw FieldProblem("a text that is not UTF-8")
        }
        return text
    }

    package mutating func data() throws(FieldProblem) -> [UInt8] { [UInt8](try raw(try number())) }

    package mutating func id() throws(FieldProblem) -> ContentID {
        guard let id = ContentID(bytes: try raw(ContentID.byteCount)) else { throw truncated }
        return id
    }

    /// A list of which each element takes `elementByteCount` bytes at least.
    package mutating func list<Element>(
        elementByteCount: Int = 1, _ read: (inout FieldReader) throws(FieldProblem) -> Element
    ) throws(FieldProblem) -> [Element] {
        let count = try number()
        guard count <= reader.remainingCount / elementByteCount else { throw truncated }
        var list: [Element] = []
        list.reserveCapacity(count)
        for _ in 0..<count { list.append(try read(&self)) }
        return list
    }

    package func requireEnd() throws(FieldProblem) {
        guard reader.remainingCount == 0 else { throw FieldProblem("\(reader.remainingCount) bytes too many") }
    }
}

extension FieldReader {
    package mutating func flag() throws(FieldProblem) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw FieldProblem("a mark that is neither 0 nor 1")
        }
    }

    package mutating func optional<Value>(
        _ read: (inout FieldReader) throws(FieldProblem) -> Value
    ) throws(FieldProblem) -> Value? {
        try flag() ? try read(&self) : nil
    }
}
