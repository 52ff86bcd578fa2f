import Foundations

/// Reads the text of a ``Structure``, and nothing else than ``Structure/json`` writes.
struct StructureReader {
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
        if let kind = startOfDictionary() {
            let entries = try entries(depth: depth) { reader, depth throws(StructureError) in
                try reader.node(depth: depth)
            }
            return .dictionary(
                entries.map { Structure.Entry(key: $0.key, structure: $0.value) },
                kind: try endOfDictionary(kind, depth: depth))
        }
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

    // MARK: Dictionaries

    private mutating func startOfDictionary() -> CheckpointDictionary.Kind? {
        if takes("{\"dict\":[") { return .plain }
        return takes("{\"ordered_dict\":[") ? .ordered : nil
    }

    private mutating func endOfDictionary(
        _ kind: CheckpointDictionary.Kind, depth: Int
    ) throws(StructureError) -> CheckpointDictionary.Kind {
        guard kind.isOrdered, takes(",\"attributes\":") else {
            try expect("}")
            return kind
        }
        let attributes = try plain(depth: depth + 1)
        try expect("}")
        return .ordered(attributes: attributes)
    }

    private mutating func entries<Value>(
        depth: Int, _ value: (inout StructureReader, Int) throws(StructureError) -> Value
    ) throws(StructureError) -> [(key: CheckpointKey, value: Value)] {
        var entries: [(key: CheckpointKey, value: Value)] = []
        var keys: Set<CheckpointKey> = []
        while !takes("]") {
            if !entries.isEmpty { try expect(",") }
            try expect("[")
            let key = try key()
            guard keys.insert(key).inserted else { throw .duplicateKey(key.description) }
            try expect(",")
            entries.append((key, try value(&self, depth + 1)))
            try expect("]")
        }
        return entries
    }

    /// The attributes of a dictionary, or a part of them.
    private mutating func plain(depth: Int) throws(StructureError) -> PlainTree {
        guard depth <= Checkpoint.maximumDepth else { throw .tooDeep }
        if takes("{\"list\":[") { return .list(try plainItems(depth: depth)) }
        if takes("{\"tuple\":[") { return .tuple(try plainItems(depth: depth)) }
        if let kind = startOfDictionary() {
            let entries = try entries(depth: depth) { reader, depth throws(StructureError) in
                try reader.plain(depth: depth)
            }
            return .dictionary(
                entries.map { PlainTree.Entry(key: $0.key, value: $0.value) },
                kind: try endOfDictionary(kind, depth: depth))
        }
        if takes("{\"integer\":\"") {
            let digits = try restOfString()
            guard let number = BigInteger(decimal: digits), number.description == digits else {
                throw unexpected
            }
            try expect("}")
            return .value(.bigInteger(number))
        }
        switch try key() {
        case .string(let value): return .value(.string(value))
        case .integer(let value): return .value(.integer(value))
        case .boolean(let value): return .value(.boolean(value))
        case .none: return .value(.none)
        case .number(let bits): return .value(.number(bits: bits))
        case .bytes(let value): return .value(.bytes(value))
        case .name(let value): return .value(.name(value))
        // Taken above.
        case .tuple: throw unexpected
        }
    }

    private mutating func plainItems(depth: Int) throws(StructureError) -> [PlainTree] {
        var items: [PlainTree] = []
        while !takes("]}") {
            if !items.isEmpty { try expect(",") }
            items.append(try plain(depth: depth + 1))
        }
        return items
    }

    // MARK: Keys

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

    // MARK: Objects

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
