import Foundations

/// What a value of the metadata is.
enum GGUFValueType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, boolean, text, array, uint64, int64, float64

    /// Least bytes of one value.
    var minimumByteCount: Int {
        switch self {
        case .uint8, .int8, .boolean: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .text: 8
        case .array: 12
        }
    }

    /// What a fact calls it.
    var name: String { self == .text ? "string" : "\(self)" }
}

/// Reads the values of a GGUF header.
struct GGUFReader {
    private var reader: ByteReader
    private let isCut: Bool
    /// Bytes of JSON that were made, and of keys and names.
    private var shownByteCount = 0
    private var nameByteCount = 0

    /// - Parameter isCut: Whether `bytes` is only what is read of a longer file.
    init(_ bytes: UnsafeRawBufferPointer, isCut: Bool) {
        reader = ByteReader(bytes)
        self.isCut = isCut
    }

    var position: Int { reader.position }

    private var end: GGUFError { isCut ? .headerTooLong : .cutShort }

    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) throws -> Integer {
        guard let value = reader.integer(Integer.self) else { throw end }
        return value
    }

    mutating func bytes(_ count: Int) throws -> Slice<UnsafeRawBufferPointer> {
        guard let range = reader.take(count) else { throw end }
        return reader.bytes[range]
    }

    private mutating func text() throws -> Range<Int> {
        guard let count = Int(exactly: try integer(UInt64.self)), let range = reader.take(count) else {
            throw end
        }
        return range
    }

    /// A key, or the name of a tensor.
    mutating func name() throws -> String {
        let range = try text()
        guard range.count <= GGUFHeader.maximumNameByteCount else {
            throw GGUFError.nameTooLong(byteCount: range.count)
        }
        nameByteCount += range.count
        guard nameByteCount <= GGUFHeader.maximumNamesByteCount else { throw GGUFError.namesTooLong }
        return shown(range)
    }

    /// The text of `range`, as everything that is shown must be; what is not UTF-8 is escaped, byte by byte.
    ///
    /// Tokens of byte-level tokenizers are no texts, and names may have been cut within a character.
    private func shown(_ range: Range<Int>) -> String {
        reader.text(range) ?? printable(bytes: reader.bytes[range])
    }

    /// A value as a JSON text.
    mutating func value(_ type: GGUFValueType, key: String, depth: Int) throws -> String {
        let json = try json(type, key: key, depth: depth)
        shownByteCount += json.utf8.count
        return json
    }

    private mutating func json(_ type: GGUFValueType, key: String, depth: Int) throws -> String {
        switch type {
        case .uint8: return "\(try integer(UInt8.self))"
        case .int8: return "\(try integer(Int8.self))"
        case .uint16: return "\(try integer(UInt16.self))"
        case .int16: return "\(try integer(Int16.self))"
        case .uint32: return "\(try integer(UInt32.self))"
        case .int32: return "\(try integer(Int32.self))"
        case .uint64: return "\(try integer(UInt64.self))"
        case .int64: return "\(try integer(Int64.self))"
        case .float32: return GGUFReader.number(Float(bitPattern: try integer()))
        case .float64: return GGUFReader.number(Double(bitPattern: try integer()))
        case .boolean:
            let byte: UInt8 = try integer()
            guard byte <= 1 else { throw GGUFError.boolean(key: key, byte) }
            return byte == 1 ? "true" : "false"
        case .text:
            let range = try text()
            guard range.count <= GGUFHeader.maximumShownByteCount,
                shownByteCount <= GGUFHeader.maximumShownTotal
            else { return "{\"type\":\"string\",\"byte_count\":\(range.count)}" }
            return JSONText.quoted(shown(range))
        case .array: return try array(key: key, depth: depth)
        }
    }

    private mutating func array(key: String, depth: Int) throws -> String {
        guard depth < GGUFHeader.maximumDepth else { throw GGUFError.tooDeep(key: key) }
        let number: UInt32 = try integer()
        guard let type = GGUFValueType(rawValue: number) else { throw GGUFError.valueType(key: key, number) }
        guard let count = Int(exactly: try integer(UInt64.self)),
            count <= reader.remainingCount / type.minimumByteCount
        else { throw end }
        let isShown =
            count <= GGUFHeader.maximumShownCount && shownByteCount <= GGUFHeader.maximumShownTotal
        if !isShown {
            try skip(type, count: count, key: key, depth: depth)
            return "{\"type\":\"\(type.name)\",\"count\":\(count)}"
        }
        var items: [String] = []
        for _ in 0..<count { items.append(try value(type, key: key, depth: depth + 1)) }
        return "[\(items.joined(separator: ","))]"
    }

    /// Passes over the elements of an array.
    private mutating func skip(_ type: GGUFValueType, count: Int, key: String, depth: Int) throws {
        switch type {
        case .text:
            for _ in 0..<count { _ = try text() }
        case .array:
            guard depth + 1 < GGUFHeader.maximumDepth else { throw GGUFError.tooDeep(key: key) }
            for _ in 0..<count {
                let number: UInt32 = try integer()
                guard let inner = GGUFValueType(rawValue: number) else {
                    throw GGUFError.valueType(key: key, number)
                }
                guard let innerCount = Int(exactly: try integer(UInt64.self)),
                    innerCount <= reader.remainingCount / inner.minimumByteCount
                else { throw end }
                try skip(inner, count: innerCount, key: key, depth: depth + 1)
            }
        default:
            guard reader.take(count * type.minimumByteCount) != nil else { throw end }
        }
    }

    /// A number that JSON has no way to write is a text.
    private static func number(_ value: some BinaryFloatingPoint & CustomStringConvertible) -> String {
        value.isFinite ? value.description : "\"\(value.description)\""
    }
}
