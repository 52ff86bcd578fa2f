/// A value in a record of a SQLite file.
package enum SQLiteValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    /// UTF-8, or what damage has made of it.
    case text([UInt8])
    case blob([UInt8])
}

/// Reads the records in cells.
enum Record {
    /// What a value is, without its bytes.
    enum Kind {
        case null, integer, real, text, blob
    }

    /// The kinds of a record's values, of which the beginning is enough; `nil` where the bytes are no record.
    static func kinds(_ bytes: [UInt8]) -> [Kind]? {
        types(bytes)?.types.map { type in
            switch type {
            case 0: .null
            case 1...6, 8, 9: .integer
            case 7: .real
            default: type % 2 == 0 ? .blob : .text
            }
        }
    }

    /// The values of a record; `nil` where the bytes are none.
    static func values(_ bytes: [UInt8]) -> [SQLiteValue]? {
        guard let (types, headerByteCount) = types(bytes) else { return nil }
        var position = headerByteCount
        var values: [SQLiteValue] = []
        for type in types {
            let count = byteCount(of: type)
            guard count <= bytes.count - position else { return nil }
            values.append(value(of: type, bytes[position..<position + count]))
            position += count
        }
        return values
    }

    private static func types(_ bytes: [UInt8]) -> (types: [Int64], headerByteCount: Int)? {
        var header = VariableIntegers(bytes, at: 0, end: bytes.count)
        guard let count = header.next(), count >= header.position, count <= bytes.count else { return nil }
        header.end = Int(count)
        var types: [Int64] = []
        while header.position < header.end {
            // 10 and 11 are for SQLite's own use.
            guard let type = header.next(), type >= 0, type != 10, type != 11 else { return nil }
            types.append(type)
        }
        return (types, header.end)
    }

    private static func byteCount(of type: Int64) -> Int {
        switch type {
        case 0, 8, 9: 0
        case 1...4: Int(type)
        case 5: 6
        case 6, 7: 8
        default: Int((type - 12) / 2)
        }
    }

    private static func value(of type: Int64, _ bytes: ArraySlice<UInt8>) -> SQLiteValue {
        switch type {
        case 0: return .null
        case 8: return .integer(0)
        case 9: return .integer(1)
        case 1...7:
            var bits: UInt64 = bytes.first.map { $0 >= 0x80 } == true && type != 7 ? .max : 0
            for byte in bytes { bits = bits << 8 | UInt64(byte) }
            return type == 7 ? .real(Double(bitPattern: bits)) : .integer(Int64(bitPattern: bits))
        default: return type % 2 == 0 ? .blob(Array(bytes)) : .text(Array(bytes))
        }
    }
}

/// Reads SQLite's integers of one to nine bytes: seven bits a byte, high bits first, all eight of the ninth.
struct VariableIntegers {
    private let bytes: [UInt8]
    private(set) var position: Int
    var end: Int

    init(_ bytes: [UInt8], at position: Int, end: Int) {
        self.bytes = bytes
        self.position = position
        self.end = end
    }

    /// The next one; `nil` where the bytes end.
    mutating func next() -> Int64? {
        var value: UInt64 = 0
        for index in 0..<9 {
            guard position < end else { return nil }
            let byte = bytes[position]
            position += 1
            if index == 8 { return Int64(bitPattern: value << 8 | UInt64(byte)) }
            value = value << 7 | UInt64(byte & 0x7F)
            if byte < 0x80 { break }
        }
        return Int64(bitPattern: value)
    }
}
