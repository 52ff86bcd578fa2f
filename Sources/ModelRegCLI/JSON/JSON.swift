import Checkpoints
import Foundation
import Foundations
import ModelRegistry
import OrderedCollections
import Tensors

/// Writes the one documented form of JSON (`docs/json.md`): keys in snake case and sorted, byte counts as numbers,
/// numbers that JSON cannot hold as null.
enum JSON {
    static func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        Output.line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// A value that may be any JSON, kept as it was written.
struct JSONFragment: Encodable {
    let value: JSONValue

    init(_ text: String) {
        value = (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .string(text)
    }

    func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// Any JSON value.
enum JSONValue: Codable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

/// A version, as JSON shows it.
struct VersionJSON: Encodable {
    let model: String
    let version: Int
    let reference: String
    let contentId: String
    let parent: String?
    let kind: String
    let message: String
    let tensorCount: Int
    let byteCount: Int
    let createdAt: String
    let aliases: [String]
    let metrics: [String: Double?]
    let run: String?
    let step: Int?
    /// Facts and settings of its run, where they were asked for.
    let attributes: [String: JSONFragment]?

    init(_ version: Version, attributes: Attributes? = nil) {
        run = version.run
        step = version.step
        self.attributes = attributes.map { attributes in
            Dictionary(attributes.map { ($0.key, JSONFragment($0.value.json)) }) { $1 }
        }
        model = version.model
        self.version = version.number
        reference = version.reference
        contentId = version.contentID.description
        parent = version.parent
        kind = version.kind.rawValue
        message = version.message
        tensorCount = version.tensorCount
        byteCount = version.byteCount
        createdAt = Moment.exact(version.createdAt)
        aliases = version.aliases
        metrics = version.metrics.mapValues { $0.isFinite ? $0 : nil }
    }
}

/// A leaf of a checkpoint, as JSON shows it.
struct LeafJSON: Encodable {
    let path: String
    let kind: String
    let dtype: String?
    let shape: [Int]?
    let byteCount: Int?
    let contentId: String?
    let storage: Int?
    let value: JSONValue?

    init(_ path: CheckpointPath, _ content: Manifest.Content) {
        self.path = path.text
        switch content {
        case .tensor(let tensor):
            kind = "tensor"
            dtype = tensor.dtype.rawValue
            shape = tensor.shape
            byteCount = tensor.byteCount
            contentId = tensor.id.description
            storage = tensor.tie?.storage
            value = nil
        case .value(let plain):
            kind = plain.kindName
            dtype = nil
            shape = nil
            byteCount = nil
            contentId = nil
            storage = nil
            value = plain.json
        }
    }
}

extension PlainValue {
    /// `string`, `integer`, `number`, `boolean` or `none`.
    var kindName: String {
        switch self {
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .none: "none"
        }
    }

    /// The value as JSON; NaN and infinity as null.
    var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .integer(let number): .integer(number)
        case .number(let bits):
            Double(bitPattern: bits).isFinite ? .number(Double(bitPattern: bits)) : .null
        case .boolean(let flag): .boolean(flag)
        case .none: .null
        }
    }

    /// The value for people, on one line.
    var text: String {
        switch self {
        case .string(let text): JSONText.quoted(text.count > 60 ? String(text.prefix(59)) + "…" : text)
        case .integer(let number): "\(number)"
        case .number(let bits): "\(Double(bitPattern: bits))"
        case .boolean(let flag): "\(flag)"
        case .none: "none"
        }
    }
}

extension Manifest.Content {
    /// `float32 [256, 20]`, or the plain value.
    var text: String {
        switch self {
        case .tensor(let tensor): "\(tensor.dtype) \(tensor.shape)"
        case .value(let value): value.text
        }
    }
}

extension CheckpointPath {
    /// The path for people: the root has no name of its own.
    var shown: String { text.isEmpty ? "(itself)" : text }
}
