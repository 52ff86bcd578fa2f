import Checkpoints
import Foundations

/// Writes the fields of a patch: numbers in LEB128, texts and bytes after their length, ids as they are.
struct PatchWriter {
    private(set) var bytes: [UInt8] = []

    mutating func byte(_ byte: UInt8) { bytes.append(byte) }

    mutating func raw(_ raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

    /// Seven bits a byte, low bits first, the top bit set on all but the last byte.
    mutating func number(_ number: Int) {
        LEB128.write(number) { bytes.append($0) }
    }

    mutating func word<Word: FixedWidthInteger>(_ word: Word) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func text(_ text: String) {
        number(text.utf8.count)
        raw(text.utf8)
    }

    mutating func data(_ data: [UInt8]) {
        number(data.count)
        raw(data)
    }

    mutating func id(_ id: ContentID) { raw(id.bytes) }

    mutating func list<Element>(_ list: [Element], _ write: (inout PatchWriter, Element) -> Void) {
        number(list.count)
        for element in list { write(&self, element) }
    }
}

/// What is wrong with the bytes of a patch.
struct PatchProblem: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

/// Reads the fields of a patch from front to back, and nothing beyond the end. Takes any bytes, from anywhere.
struct PatchReader {
    private var reader: ByteReader

    /// Offset of the next field.
    var offset: Int { reader.position }

    init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    private var truncated: PatchProblem { PatchProblem("it ends too early") }

    /// The next bytes, where they lie.
    mutating func raw(_ count: Int) throws(PatchProblem) -> UnsafeRawBufferPointer {
        guard let bytes = reader.bytes(count) else { throw truncated }
        return bytes
    }

    mutating func byte() throws(PatchProblem) -> UInt8 { try raw(1)[0] }

    mutating func number() throws(PatchProblem) -> Int {
        let number = try LEB128.read { () throws(PatchProblem) in try byte() }
        guard let number else { throw PatchProblem("a malformed number") }
        return number
    }

    mutating func word<Word: FixedWidthInteger>(_ type: Word.Type = Word.self) throws(PatchProblem) -> Word {
        guard let word = reader.integer(Word.self) else { throw truncated }
        return word
    }

    mutating func text() throws(PatchProblem) -> String {
        guard let text = String(validating: try raw(try number()), as: UTF8.self) else {
            throw PatchProblem("a text that is not UTF-8")
        }
        return text
    }

    mutating func data() throws(PatchProblem) -> [UInt8] { [UInt8](try raw(try number())) }

    mutating func id() throws(PatchProblem) -> ContentID {
        guard let id = ContentID(bytes: try raw(ContentID.byteCount)) else { throw truncated }
        return id
    }

    /// A list of which each element takes `elementByteCount` bytes at least.
    mutating func list<Element>(
        elementByteCount: Int = 1, _ read: (inout PatchReader) throws(PatchProblem) -> Element
    ) throws(PatchProblem) -> [Element] {
        let count = try number()
        guard count <= reader.remainingCount / elementByteCount else { throw truncated }
        var list: [Element] = []
        list.reserveCapacity(count)
        for _ in 0..<count { list.append(try read(&self)) }
        return list
    }

    func requireEnd() throws(PatchProblem) {
        guard reader.remainingCount == 0 else { throw PatchProblem("\(reader.remainingCount) bytes too many") }
    }
}
