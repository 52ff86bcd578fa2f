/// Reads JSON (RFC 8259) whose form the caller knows, strictly and without building a tree.
///
/// The caller asks for what must come next, so memory and nesting are bounded by what it asks for. Text must be
/// valid UTF-8 without lone surrogates; numbers that are read must be whole and not negative.
package struct JSONReader {
    private let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads an object, calling `member` for each key; it must read the value.
    ///
    /// Keys may repeat: the caller knows which it has seen.
    package mutating func object(_ member: (inout JSONReader, String) throws -> Void) throws {
        try expect(UInt8(ascii: "{"), "an object")
        if skip(UInt8(ascii: "}")) { return }
        repeat {
            let key = try string("a key")
            try expect(UInt8(ascii: ":"), "\":\"")
            try member(&self, key)
        } while skip(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"), "\",\" or \"}\"")
    }

    /// Reads an array, calling `element` where each value starts; it must read the value.
    package mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
        try expect(UInt8(ascii: "["), "an array")
        if skip(UInt8(ascii: "]")) { return }
        repeat { try element(&self) } while skip(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"), "\",\" or \"]\"")
    }

    /// Passes over `null` where it comes next.
    ///
    /// - Returns: Whether it does.
    package mutating func null() -> Bool {
        skipSpace()
        guard bytes[offset...].starts(with: "null".utf8) else { return false }
        offset += 4
        return true
    }

    /// Reads a number that is whole, not negative, and fits.
    package mutating func nonNegativeInteger() throws -> Int {
        skipSpace()
        let start = offset
        var value = 0
        while offset < bytes.count, case let digit = bytes[offset] &- UInt8(ascii: "0"), digit < 10 {
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = tenfold.addingReportingOverflow(Int(digit))
            guard !overflow, !sumOverflow else { throw JSONError.numberTooLarge(offset: start) }
            value = sum
            offset += 1
        }
        let hasLeadingZero = offset - start > 1 && bytes[start] == UInt8(ascii: "0")
        guard offset > start, !hasLeadingZero, !isFraction else {
            throw JSONError.expected("a whole number that is not negative", offset: start)
        }
        return value
    }

    /// Reads a text; `what` names it in errors.
    package mutating func string(_ what: String = "a text") throws -> String {
        try expect(UInt8(ascii: "\""), what)
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                guard let text = String(validating: bytes[start..<offset], as: UTF8.self) else {
                    throw JSONError.invalidUTF8(offset: start)
                }
                offset += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw JSONError.controlCharacter(offset: offset)
            default: offset += 1
            }
        }
        throw JSONError.endOfText(offset: offset)
    }

    /// Values within values, at most, that are passed over.
    static let maximumDepth = 64

    /// Passes over a value of any kind.
    package mutating func skipValue(depth: Int = 0) throws {
        skipSpace()
        guard depth < JSONReader.maximumDepth else { throw JSONError.tooDeep(offset: offset) }
        guard offset < bytes.count else { throw JSONError.endOfText(offset: offset) }
        switch UnicodeScalar(bytes[offset]) {
        case "{": try object { json, _ in try json.skipValue(depth: depth + 1) }
        case "[": try array { try $0.skipValue(depth: depth + 1) }
        case "\"": _ = try string()
        case "t": try skipWord("true")
        case "f": try skipWord("false")
        case "n": try skipWord("null")
        default: try skipNumber()
        }
    }

    private mutating func skipWord(_ word: String) throws {
        guard bytes[offset...].starts(with: word.utf8) else {
            throw JSONError.expected("a value", offset: offset)
        }
        offset += word.utf8.count
    }

    private mutating func skipNumber() throws {
        let start = offset
        takeOne(of: "-")
        let firstDigit = offset
        var isNumber = skipDigits()
        if offset - firstDigit > 1, bytes[firstDigit] == UInt8(ascii: "0") { isNumber = false }
        if takeOne(of: ".") { isNumber = skipDigits() && isNumber }
        if takeOne(of: "eE") {
            takeOne(of: "+-")
            isNumber = skipDigits() && isNumber
        }
        guard isNumber else { throw JSONError.expected("a value", offset: start) }
    }

    @discardableResult
    private mutating func takeOne(of characters: String) -> Bool {
        guard offset < bytes.count, characters.utf8.contains(bytes[offset]) else { return false }
        offset += 1
        return true
    }

    /// Passes over digits, and tells whether there were any.
    private mutating func skipDigits() -> Bool {
        let start = offset
        while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
            offset += 1
        }
        return offset > start
    }

    /// Passes over white space and demands that nothing else follows.
    package mutating func end() throws {
        skipSpace()
        guard offset == bytes.count else { throw JSONError.expected("the end", offset: offset) }
    }

    // MARK: Text with escapes

    private mutating func escapedString(from start: Int) throws -> String {
        var units = [UInt8](bytes[start..<offset])
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: units, as: UTF8.self) else {
                    throw JSONError.invalidUTF8(offset: start)
                }
                return text
            case UInt8(ascii: "\\"): try appendEscape(to: &units)
            case 0..<0x20: throw JSONError.controlCharacter(offset: offset - 1)
            default: units.append(byte)
            }
        }
        throw JSONError.endOfText(offset: offset)
    }

    private mutating func appendEscape(to units: inout [UInt8]) throws {
        let start = offset - 1
        guard offset < bytes.count else { throw JSONError.endOfText(offset: offset) }
        let kind = UnicodeScalar(bytes[offset])
        offset += 1
        switch kind {
        case "\"", "\\", "/": units.append(UInt8(ascii: kind))
        case "b": units.append(0x08)
        case "f": units.append(0x0C)
        case "n": units.append(0x0A)
        case "r": units.append(0x0D)
        case "t": units.append(0x09)
        case "u":
            var value = try hexadecimal(start)
            if 0xD800..<0xDC00 ~= value {
                guard offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                    bytes[offset + 1] == UInt8(ascii: "u")
                else { throw JSONError.invalidEscape(offset: start) }
                offset += 2
                let low = try hexadecimal(start)
                guard 0xDC00..<0xE000 ~= low else { throw JSONError.invalidEscape(offset: start) }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = UnicodeScalar(value) else { throw JSONError.invalidEscape(offset: start) }
            units.append(contentsOf: String(Character(scalar)).utf8)
        default: throw JSONError.invalidEscape(offset: start)
        }
    }

    private mutating func hexadecimal(_ start: Int) throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard offset < bytes.count, let digit = Character(UnicodeScalar(bytes[offset])).hexDigitValue,
                bytes[offset] < 0x80
            else { throw JSONError.invalidEscape(offset: start) }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    // MARK: Bytes

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// Whether a number goes on with a fraction or an exponent.
    private var isFraction: Bool {
        guard offset < bytes.count else { return false }
        switch bytes[offset] {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return true
        default: return false
        }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ byte: UInt8, _ what: String) throws {
        guard skip(byte) else {
            throw offset == bytes.count ? JSONError.endOfText(offset: offset) : .expected(what, offset: offset)
        }
    }
}

/// Text that is not the JSON it should be. Offsets are bytes from where the JSON starts.
public enum JSONError: Error, Equatable, CustomStringConvertible {
    /// Something else stands where `what` should.
    case expected(_ what: String, offset: Int)
    /// A number above what an integer holds.
    case numberTooLarge(offset: Int)
    /// A text that is not UTF-8.
    case invalidUTF8(offset: Int)
    /// A control character within a text.
    case controlCharacter(offset: Int)
    /// An escape that does not exist, or half of a surrogate pair.
    case invalidEscape(offset: Int)
    /// Values within values, too many.
    case tooDeep(offset: Int)
    /// The JSON ends too early.
    case endOfText(offset: Int)

    /// Such as `expected a key at byte 17`.
    public var description: String {
        switch self {
        case .expected(let what, let offset): "expected \(what) at byte \(offset)"
        case .numberTooLarge(let offset): "number at byte \(offset) is too large"
        case .invalidUTF8(let offset): "text at byte \(offset) is not valid UTF-8"
        case .controlCharacter(let offset): "control character in a text at byte \(offset)"
        case .invalidEscape(let offset): "invalid escape at byte \(offset)"
        case .tooDeep(let offset): "nested too deep at byte \(offset)"
        case .endOfText(let offset): "ends at byte \(offset), in the middle"
        }
    }
}
