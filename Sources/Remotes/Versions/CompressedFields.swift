package import Checkpoints
import Foundations

/// A kind of file whose fields are compressed: trees, metrics and indexes.
///
///     magic, format version (4 bytes), length of the fields (8 bytes), zlib stream of the fields
package struct CompressedFields {
    /// Two letters that tell this kind from others.
    private let letters: StaticString
    /// What a message calls a file of this kind, with its article.
    private let name: String
    /// Bytes of the fields before compression, at most.
    private let maximumByteCount: Int

    init(_ letters: StaticString, name: String, maximumByteCount: Int) {
        self.letters = letters
        self.name = name
        self.maximumByteCount = maximumByteCount
    }

    private static let formatVersion: UInt32 = 1
    private static let prefixByteCount = 20

    /// As in PNG: a byte that is no ASCII, a name, and both ends of line.
    private var magic: [UInt8] {
        [0x89, 0x4D] + letters.withUTF8Buffer(Array.init) + [0x0D, 0x0A, 0x1A, 0x0A]
    }

    /// The bytes of a file with these fields.
    package func encoded(_ fields: FieldWriter) -> [UInt8] {
        var writer = FieldWriter()
        writer.raw(magic)
        writer.word(CompressedFields.formatVersion)
        writer.word(UInt64(fields.bytes.count))
        writer.raw(Zlib.compressed(fields.bytes))
        return writer.bytes
    }

    /// Reads the fields of a file that may come from anybody.
    ///
    /// - Parameter read: Reads all fields: what is left over is an error.
    func decoded<Value>(
        _ bytes: [UInt8], _ read: (inout FieldReader) throws(FieldProblem) -> Value
    ) throws(FieldProblem) -> Value {
        guard bytes.count >= CompressedFields.prefixByteCount, bytes.starts(with: magic) else {
            throw FieldProblem("\(name) that is none")
        }
        func word(_ offset: Int, _ count: Int) -> UInt64 {
            bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard word(8, 4) == UInt64(CompressedFields.formatVersion) else {
            throw FieldProblem("\(name) of a newer modelreg; please upgrade")
        }
        let count = word(12, 8)
        guard count <= UInt64(maximumByteCount),
            let fields = Zlib.decompressed(
                Array(bytes[CompressedFields.prefixByteCount...]), limit: Int(count)),
            fields.count == Int(count)
        else { throw FieldProblem("\(name) that does not decompress") }
        let outcome = fields.withUnsafeBytes { fields in
            Result { () throws(FieldProblem) in
                var reader = FieldReader(fields)
                let value = try read(&reader)
                try reader.requireEnd()
                return value
            }
        }
        return try outcome.get()
    }
}
