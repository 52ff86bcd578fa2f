import Foundation

/// The one documented form of JSON (`docs/json.md`): keys in snake case and sorted, byte counts as numbers, numbers that
/// JSON cannot hold as null.
package enum JSON {
    /// The text of `value`.
    package static func text(_ value: some Encodable, isPretty: Bool = true) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// A number that JSON can hold; `nil` for the others.
package func finite(_ number: Double?) -> Double? {
    number.flatMap { $0.isFinite ? $0 : nil }
}
