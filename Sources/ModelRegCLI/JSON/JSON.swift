import Foundation

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

/// A number that JSON can hold; `nil` for the others.
func finite(_ number: Double?) -> Double? {
    number.flatMap { $0.isFinite ? $0 : nil }
}
