import Foundations

/// The text of a structure, as it is stored and hashed:
///
///     node  = "tensor" | "value" | {"list":[node,…]} | {"tuple":[node,…]}
///           | {"dict":[[key,node],…]} | {"ordered_dict":[[key,node],…]}
///           | {"ordered_dict":[[key,node],…],"attributes":plain}
///           | {"object":[name,construction,label,[part,node],…]} | {"reference":integer}
///     key   = string | integer | true | false | null | {"number":string} | {"bytes":string} | {"name":name}
///           | {"tuple":[key,…]}
///     label = integer | null
///     plain = string | integer | true | false | null | {"number":string} | {"bytes":string} | {"name":name}
///           | {"integer":string} | {"list":[plain,…]} | {"tuple":[plain,…]}
///           | {"dict":[[key,plain],…]} | {"ordered_dict":[[key,plain],…]}
///           | {"ordered_dict":[[key,plain],…],"attributes":plain}
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
        case .list(let items): text.write(items, named: "list") { $0.write(to: &$1) }
        case .tuple(let items): text.write(items, named: "tuple") { $0.write(to: &$1) }
        case .dictionary(let entries, let kind):
            kind.write(entries, \.key, to: &text) { $0.structure.write(to: &$1) }
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

    /// Reads canonical JSON.
    ///
    /// - Throws: ``StructureError`` for anything that ``json`` would not have written.
    public init(json: String) throws(StructureError) {
        var reader = StructureReader(Array(json.utf8))
        self = try reader.node(depth: 0)
        try reader.end()
    }
}

extension String {
    fileprivate mutating func write<Item>(
        _ items: [Item], named name: String, _ write: (Item, inout String) -> Void
    ) {
        self += "{\"\(name)\":["
        for (index, item) in items.enumerated() {
            if index > 0 { self += "," }
            write(item, &self)
        }
        self += "]}"
    }
}

extension CheckpointDictionary.Kind {
    fileprivate func write<Entry>(
        _ entries: [Entry], _ key: (Entry) -> CheckpointKey, to text: inout String,
        _ writeValue: (Entry, inout String) -> Void
    ) {
        text += "{\"\(name)\":["
        for (index, entry) in entries.enumerated() {
            text += index == 0 ? "[" : ",["
            key(entry).write(to: &text)
            text += ","
            writeValue(entry, &text)
            text += "]"
        }
        text += "]"
        if let attributes {
            text += ",\"attributes\":"
            attributes.write(to: &text)
        }
        text += "}"
    }
}

extension PlainTree {
    fileprivate func write(to text: inout String) {
        switch self {
        case .list(let items): text.write(items, named: "list") { $0.write(to: &$1) }
        case .tuple(let items): text.write(items, named: "tuple") { $0.write(to: &$1) }
        case .dictionary(let entries, let kind):
            kind.write(entries, \.key, to: &text) { $0.value.write(to: &$1) }
        case .value(.string(let value)): CheckpointKey.string(value).write(to: &text)
        case .value(.integer(let value)): CheckpointKey.integer(value).write(to: &text)
        case .value(.boolean(let value)): CheckpointKey.boolean(value).write(to: &text)
        case .value(.none): CheckpointKey.none.write(to: &text)
        case .value(.number(let bits)): CheckpointKey.number(bits: bits).write(to: &text)
        case .value(.bytes(let value)): CheckpointKey.bytes(value).write(to: &text)
        case .value(.name(let value)): CheckpointKey.name(value).write(to: &text)
        case .value(.bigInteger(let value)): text += "{\"integer\":\"\(value)\"}"
        }
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
