import Checkpoints
import Foundation
import Foundations
public import OrderedCollections

/// The value of a hyper-parameter or another fact: any JSON.
///
/// ```swift
/// let settings: OrderedDictionary<String, AttributeValue> = ["lr": 1e-3, "optimizer": "adamw", "betas": [0.9, 0.999]]
/// ```
public struct AttributeValue: Hashable, Sendable {
    /// The value as JSON text.
    public let json: String

    /// A value that is JSON text already.
    ///
    /// - Throws: ``RegistryError/badAttribute(key:json:)`` where it is not.
    public init(json: String) throws {
        guard AttributeValue.isJSON(json) else { throw RegistryError.badAttribute(key: "", json: json) }
        self.json = json
    }

    /// A value that the registry or this file wrote.
    init(trusted json: String) { self.json = json }

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

    /// What somebody typed: JSON as it is, anything else as a text.
    public init(parsing text: String) {
        json = AttributeValue.isJSON(text) ? text : JSONText.quoted(text)
    }

    /// The text, where the value is one.
    public var text: String? {
        guard json.hasPrefix("\"") else { return nil }
        return try? JSONDecoder().decode(String.self, from: Data(json.utf8))
    }

    private static func isJSON(_ text: String) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)) != nil
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
    public init(arrayLiteral elements: AttributeValue...) {
        json = "[\(elements.map(\.json).joined(separator: ","))]"
    }

    /// Keys and values.
    public init(dictionaryLiteral elements: (String, AttributeValue)...) {
        json = "{\(elements.map { "\(JSONText.quoted($0)):\($1.json)" }.joined(separator: ","))}"
    }
}

/// Names of hyper-parameters or facts, and what they are set to, in order.
public typealias Attributes = OrderedDictionary<String, AttributeValue>
