import Foundations
public import OrderedCollections

/// The value of a hyper-parameter or another fact, of a version or a run: any JSON.
///
/// ```swift
/// let settings: OrderedDictionary<String, AttributeValue> = ["lr": 1e-3, "optimizer": "adamw", "betas": [0.9, 0.999]]
/// ```
public struct AttributeValue: Hashable, Sendable {
    /// The value as JSON text.
    public let json: String

    /// A value that is JSON text already.
    ///
    /// - Throws: ``RegistryError/badAttribute(json:)`` where it is not.
    public init(json: String) throws {
        guard AttributeValue.isJSON(json) else { throw RegistryError.badAttribute(json: json) }
        self.json = json
    }

    /// A value that the registry, or a reader of files, wrote as JSON.
    package init(trusted json: String) { self.json = json }

    /// A text.
    public init(_ text: String) { json = JSONText.quoted(text) }

    /// An integer.
    public init(_ number: Int) { json = "\(number)" }

    /// Truth.
    public init(_ flag: Bool) { json = flag ? "true" : "false" }

    /// A number. JSON has no NaN and no infinities: they become the texts `"nan"`, `"inf"` and `"-inf"`.
    public init(_ number: Double) {
        json = number.isFinite ? "\(number)" : JSONText.quoted("\(number)")
    }

    /// A list.
    public init(_ elements: [AttributeValue]) { json = "[\(elements.map(\.json).joined(separator: ","))]" }

    /// What somebody typed: JSON as it is, anything else as a text.
    public init(parsing text: String) {
        json = AttributeValue.isJSON(text) ? text : JSONText.quoted(text)
    }

    /// The text, where the value is one.
    public var text: String? {
        AttributeValue.reading(json) { try $0.string() }
    }

    private static func isJSON(_ text: String) -> Bool {
        reading(text) { try $0.skipValue() } != nil
    }

    /// What `read` finds in the whole of a text; `nil` where it is something else.
    private static func reading<Value>(_ text: String, _ read: (inout JSONReader) throws -> Value) -> Value? {
        var text = text
        return text.withUTF8 { bytes in
            var reader = JSONReader(UnsafeRawBufferPointer(bytes))
            guard let value = try? read(&reader), (try? reader.end()) != nil else { return nil }
            return value
        }
    }
}

extension AttributeValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A text.
    public init(stringLiteral value: String) { self.init(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self.init(value) }
    /// A number.
    public init(floatLiteral value: Double) { self.init(value) }
    /// Truth.
    public init(booleanLiteral value: Bool) { self.init(value) }

    /// A list.
    public init(arrayLiteral elements: AttributeValue...) { self.init(elements) }

    /// Keys and values.
    public init(dictionaryLiteral elements: (String, AttributeValue)...) {
        json = "{\(elements.map { "\(JSONText.quoted($0)):\($1.json)" }.joined(separator: ","))}"
    }
}

/// Names of hyper-parameters or facts, and what they are set to, in order.
public typealias Attributes = OrderedDictionary<String, AttributeValue>
