import Checkpoints

/// Writes a pickle in protocol 2, with the operations that `torch.load(weights_only=True)` knows. Protocol 4 is for
/// names within classes, which older ones cannot spell.
struct PickleWriter {
    private(set) var bytes: [UInt8] = [0x80, 2]

    /// Numbers of what was written before and can be had again.
    private var memo: [String: UInt32] = [:]

    mutating func none() { operation("N") }

    mutating func boolean(_ value: Bool) { bytes.append(value ? 0x88 : 0x89) }

    mutating func integer(_ value: Int64) {
        if let byte = UInt8(exactly: value) {
            bytes += [UInt8(ascii: "K"), byte]
        } else if let short = UInt16(exactly: value) {
            bytes += [UInt8(ascii: "M")] + littleEndian(short)
        } else if let word = Int32(exactly: value) {
            bytes += [UInt8(ascii: "J")] + littleEndian(word)
        } else {
            bytes += [0x8A, 8] + littleEndian(value)
        }
    }

    mutating func number(_ value: Double) {
        operation("G")
        bytes += littleEndian(value.bitPattern.byteSwapped)
    }

    mutating func text(_ text: String) {
        operation("X")
        bytes += littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    /// A text that is written often: in full once, then as a reference.
    mutating func sharedText(_ text: String) {
        if recall("text \(text)") { return }
        self.text(text)
        memorise("text \(text)")
    }

    /// A function or class.
    mutating func global(_ module: String, _ name: String) {
        if recall("\(module).\(name)") { return }
        bytes += Array("c\(module)\n\(name)\n".utf8)
        memorise("\(module).\(name)")
    }

    mutating func global(_ name: QualifiedName) {
        if name.name.contains(".") { bytes[1] = 4 }
        global(String(name.module), String(name.name))
    }

    /// Bytes, as a text that is encoded: protocol 2 has no other way.
    mutating func bytes(_ value: [UInt8]) {
        global("_codecs", "encode")
        mark()
        text(String(String.UnicodeScalarView(value.map { Unicode.Scalar($0) })))
        sharedText("latin1")
        endTuple()
        reduce()
    }

    mutating func bigInteger(_ number: BigInteger) {
        if let count = UInt8(exactly: number.bytes.count) {
            bytes += [0x8A, count]
        } else {
            bytes += [0x8B] + littleEndian(UInt32(number.bytes.count))
        }
        bytes += number.bytes
    }

    mutating func emptyTuple() { operation(")") }

    /// Makes an object of the class before the tuple of arguments.
    mutating func newObject() { bytes.append(0x81) }

    /// Gives the object before it a state.
    mutating func build() { operation("b") }

    mutating func emptyList() { operation("]") }

    mutating func emptyDictionary() { operation("}") }

    mutating func emptyOrderedDictionary() {
        global("collections", "OrderedDict")
        operation(")")
        operation("R")
    }

    /// Begins the items of a tuple, of a list or of a dictionary, the latter two of which stand before the mark.
    mutating func mark() { operation("(") }

    mutating func endTuple() { operation("t") }

    mutating func endList() { operation("e") }

    mutating func endDictionary() { operation("u") }

    /// Calls the function before the tuple of arguments.
    mutating func reduce() { operation("R") }

    /// Looks up what the tuple stands for outside of the pickle.
    mutating func persistentID() { operation("Q") }

    mutating func stop() { operation(".") }

    mutating func integers(_ values: [Int]) {
        mark()
        for value in values { integer(Int64(value)) }
        endTuple()
    }

    /// Writes a reference to what was memorised as `key`.
    ///
    /// - Returns: Whether there is such a thing.
    mutating func recall(_ key: String) -> Bool {
        guard let index = memo[key] else { return false }
        bytes += index < 256 ? [UInt8(ascii: "h"), UInt8(index)] : [UInt8(ascii: "j")] + littleEndian(index)
        return true
    }

    /// Keeps what was just written as `key`.
    mutating func memorise(_ key: String) {
        let index = UInt32(memo.count)
        memo[key] = index
        bytes += index < 256 ? [UInt8(ascii: "q"), UInt8(index)] : [UInt8(ascii: "r")] + littleEndian(index)
    }

    private mutating func operation(_ code: UnicodeScalar) { bytes.append(UInt8(ascii: code)) }
}
