public import Foundations

/// The text of a structure, as it is stored and hashed:
///
///     node  = "tensor" | "value" | {"list":[node,…]} | {"tuple":[node,…]}
///           | {"dict":[[key,node],…]} | {"ordered_dict":[[key,node],…]}
///           | {"object":[name,construction,label,[part,node],…]} | {"reference":integer}
///     key   = string | integer | true | false | null | {"number":string} | {"bytes":string} | {"name":name}
///           | {"tuple":[key,…]}
///     label = integer | null
///
/// No white space, strings as ``JSONText/quoted(_:)`` writes them: one structure has one text.
extension Structure {
    /// The structure as canonical JSON.
    public var json: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .tensor: text += "\"tensor\""
        case .value: text += "\"value\""
        case .list(let items): Structure.write(items, named: "list", to: &text)
        case .tuple(let items): Structure.write(items, named: "tuple", to: &text)
        case .dictionary(let entries, let kind):
            text += "{\"\(kind.rawValue)\":["
            for (index, entry) in entries.enumerated() {
                text += index == 0 ? "[" : ",["
                entry.key.write(to: &text)
                text += ","
                entry.structure.write(to: &text)
                text += "]"
            }
            text += "]}"
        case .reference(let label): text += "{\"reference\":\(label)}"
        case .object(let form, let parts):
            text += "{\"object\":[\(JSONText.quoted(form.name.text)),\"\(form.construction.rawValue)\","
            text += form.label.map { "\($0)" } ?? "null"
            for part in parts {
                text += ",[\"\(part.part.rawValue)\","
                part.structure.write(to: &text)
                text += "]"
            }
            text += "]}"
        }
    }

    private static func write(_ items: [Structure], named name: String, to text: inout String) {
        text += "{\"\(name)\":["
        for (index, item) in items.enumerated() {
            if index > 0 { text += "," }
            item.write(to: &text)
        }
        text += "]}"
    }

    /// Reads canonical JSON.
    ///
    /// - Throws: ``StructureError`` for anything that ``json`` would not have written.
    public init(json: String) throws(StructureError) {
        var reader = StructureReader(Array(json.utf8))
        self = try reader.node(depth: 0)
        try reader.end()
    }
}

extension CheckpointKey {
    fileprivate func write(to text: inout String) {
        switch self {
        case .string(let key): text += JSONText.quoted(key)
        case .integer(let key): text += "\(key)"
        case .boolean(let key): text += "\(key)"
        case .none: text += "null"
        case .number(let bits):
            let bytes = withUnsafeBytes(of: bits.bigEndian) { [UInt8]($0) }
            text += "{\"number\":\"\(HexText.of(bytes))\"}"
        case .bytes(let bytes): text += "{\"bytes\":\"\(HexText.of(bytes))\"}"
        case .name(let name): text += "{\"name\":\(JSONText.quoted(name.text))}"
        case .tuple(let keys):
            text += "{\"tuple\":["
            for (index, key) in keys.enumerated() {
                if index > 0 { text += "," }
                key.write(to: &text)
            }
            text += "]}"
        }
    }
}

/// A stored structure that is not one: the registry is damaged.
public enum StructureError: Error, Equatable {
    /// Something else was expected at this byte.
    case unexpected(byteOffset: Int)
    /// Nested deeper than ``Checkpoint/maximumDepth``.
    case tooDeep
    /// One key twice.
    case duplicateKey(String)
}

extension StructureError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .unexpected(let offset): "stored structure is damaged at byte \(offset)"
        case .tooDeep: "stored structure is nested more than \(Checkpoint.maximumDepth) deep"
        case .duplicateKey(let key): "stored structure has the key \(quoted(key)) twice"
        }
    }
}

private struct StructureReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var unexpected: StructureError { .unexpected(byteOffset: position) }

    private mutating func takes(_ text: StaticString) -> Bool {
        let isNext = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
        if isNext { position += text.utf8CodeUnitCount }
        return isNext
    }

    private mutating func expect(_ text: StaticString) throws(StructureError) {
        guard takes(text) else { throw unexpected }
    }

    func end() throws(StructureError) {
        guard position == bytes.count else { throw unexpected }
    }

    mutating func node(depth: Int) throws(StructureError) -> Structure {
        guard depth <= Checkpoint.maximumDepth else { throw .tooDeep }
        if takes("\"tensor\"") { return .tensor }
        if takes("\"value\"") { return .value }
        if takes("{\"list\":[") { return .list(try items(depth: depth)) }
        if takes("{\"tuple\":[") { return .tuple(try items(depth: depth)) }
        if takes("{\"dict\":[") { return .dictionary(try entries(depth: depth), kind: .plain) }
        if takes("{\"ordered_dict\":[") { return .dictionary(try entries(depth: depth), kind: .ordered) }
        if takes("{\"object\":[") { return try object(depth: depth) }
        if takes("{\"reference\":") {
            let label = try label()
            try expect("}")
            return .reference(label)
        }
        throw unexpected
    }

    private mutating func items(depth: Int) throws(StructureError) -> [Structure] {
        var items: [Structure] = []
        while !takes("]}") {
            if !items.isEmpty { try expect(",") }
            items.append(try node(depth: depth + 1))
        }
        return items
    }

    private mutating func entries(depth: Int) throws(StructureError) -> [Structure.Entry] {
        var entries: [Structure.Entry] = []
        var keys: Set<CheckpointKey> = []
        while !takes("]}") {
            if !entries.isEmpty { try expect(",") }
            try expect("[")
            let key = try key()
            guard keys.insert(key).inserted else { throw .duplicateKey(key.description) }
            try expect(",")
            entries.append(Structure.Entry(key: key, structure: try node(depth: depth + 1)))
            try expect("]")
        }
        return entries
    }

    private mutating func key(depth: Int = 0) throws(StructureError) -> CheckpointKey {
        if takes("true") { return .boolean(true) }
        if takes("false") { return .boolean(false) }
        if takes("null") { return .none }
        if takes("\"") { return .string(try restOfString()) }
        if takes("{\"number\":\"") {
            let bytes = try restOfHex()
            guard bytes.count == 8 else { throw unexpected }
            return .number(bits: bytes.reduce(0) { $0 << 8 | UInt64($1) })
        }
        if takes("{\"bytes\":\"") { return .bytes(try restOfHex()) }
        if takes("{\"name\":\"") {
            let name = try restOfName()
            try expect("}")
            return .name(name)
        }
        if takes("{\"tuple\":[") {
            guard depth < Checkpoint.maximumDepth else { throw .tooDeep }
            var keys: [CheckpointKey] = []
            while !takes("]}") {
                if !keys.isEmpty { try expect(",") }
                keys.append(try key(depth: depth + 1))
            }
            return .tuple(keys)
        }
        let start = position
        if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        let digits = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let number = Int64(digits), "\(number)" == digits else { throw .unexpected(byteOffset: start) }
        return .integer(number)
    }

    private mutating func object(depth: Int) throws(StructureError) -> Structure {
        try expect("\"")
        let name = try restOfName()
        try expect(",\"")
        guard let construction = ObjectConstruction(rawValue: try restOfString()) else { throw unexpected }
        try expect(",")
        let label = takes("null") ? nil : try label()
        var parts: [Structure.Part] = []
        while !takes("]}") {
            try expect(",[\"")
            guard let part = ObjectPart(rawValue: try restOfString()),
                parts.last.map({ $0.part.order < part.order }) ?? true
            else { throw unexpected }
            try expect(",")
            parts.append(Structure.Part(part: part, structure: try node(depth: depth + 1)))
            try expect("]")
        }
        return .object(ObjectForm(name: name, construction: construction, label: label), parts: parts)
    }

    private mutating func label() throws(StructureError) -> Int {
        guard case .integer(let number) = try key(), let label = Int(exactly: number), label >= 0 else {
            throw unexpected
        }
        return label
    }

    private mutating func restOfName() throws(StructureError) -> QualifiedName {
        guard let name = QualifiedName(text: try restOfString()) else { throw unexpected }
        return name
    }

    /// Bytes as hexadecimal digits, up to the end of the object that they are in.
    private mutating func restOfHex() throws(StructureError) -> [UInt8] {
        guard let bytes = HexText.bytes(try restOfString()) else { throw unexpected }
        try expect("}")
        return bytes
    }

    private mutating func restOfString() throws(StructureError) -> String {
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else { throw unexpected }
                return string
            case UInt8(ascii: "\\"):
                if takes("\\\"") {
                    text.append(UInt8(ascii: "\""))
                } else if takes("\\\\") {
                    text.append(byte)
                } else {
                    try expect("\\u00")
                    let digits = String(decoding: bytes[position...].prefix(2), as: UTF8.self)
                    // One spelling only: UInt8 takes "+1" and capitals too.
                    guard let value = UInt8(digits, radix: 16), value < 0x20,
                        digits == (value < 0x10 ? "0" : "") + String(value, radix: 16)
                    else { throw unexpected }
                    text.append(value)
                    position += 2
                }
            case 0..<0x20: throw unexpected
            default:
                text.append(byte)
                position += 1
            }
        }
        throw unexpected
    }
}

extension StructureError: CategorisedError {
    /// Stored structure that is damaged.
    public var category: ErrorCategory { .badData }
}
