import Checkpoints
import Foundation
import GRDB
import Tensors

// How values are written in columns, and read back with care: a registry may come from anybody.

extension ContentID {
    /// The 32 bytes, as a column holds them.
    var data: Data { withUnsafeBytes { Data($0) } }
}

extension [UInt8] {
    /// The bytes, as a column holds them.
    var data: Data { Data(self) }
}

extension Row {
    /// The content id in a column.
    ///
    /// - Throws: ``RegistryError/Damage``.
    func contentID(_ column: String) throws -> ContentID {
        let id = try withUnsafeData(named: column) { data in
            data.flatMap { data in data.withUnsafeBytes { ContentID(bytes: $0) } }
        }
        guard let id else { throw RegistryError.Damage(problem: "column \"\(column)\" is no content id") }
        return id
    }

    /// An integer, text, … in a column.
    ///
    /// - Throws: ``RegistryError/Damage`` when the column holds something else.
    func value<Value: DatabaseValueConvertible>(_ column: String, as type: Value.Type = Value.self) throws
        -> Value
    {
        guard let value = Value.fromDatabaseValue(self[column] as DatabaseValue) else {
            throw RegistryError.Damage(problem: "column \"\(column)\" holds no \(type)")
        }
        return value
    }

    /// The same, or `nil` where the column is NULL.
    func optional<Value: DatabaseValueConvertible>(
        _ column: String, as type: Value.Type = Value.self
    ) throws -> Value? {
        (self[column] as DatabaseValue).isNull ? nil : try value(column, as: type)
    }
}

/// Lists of integers as JSON: `[256,20]`.
enum IntegerList {
    static func text(_ numbers: [Int]) -> String {
        "[\(numbers.map(String.init).joined(separator: ","))]"
    }

    /// - Throws: ``RegistryError/Damage`` for anything that ``text(_:)`` would not write.
    static func numbers(_ text: String) throws -> [Int] {
        let body = text.dropFirst().dropLast()
        let numbers =
            body.isEmpty ? [] : body.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let known = numbers.compactMap { $0 }
        guard known.count == numbers.count, IntegerList.text(known) == text else {
            throw RegistryError.Damage(problem: "\"\(text.prefix(40))\" is no list of integers")
        }
        return known
    }
}

extension PlainValue {
    /// The kind, as `parameter.value_kind` names it.
    var columnKind: String {
        switch self {
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .none: "none"
        }
    }

    /// The value, as `parameter.value` holds it. What SQLite would change (NaN, -0, a NUL in a text) is a blob.
    var columnValue: DatabaseValue {
        switch self {
        case .string(let text): text.utf8.contains(0) ? Data(text.utf8).databaseValue : text.databaseValue
        case .integer(let number): number.databaseValue
        case .number(let bits):
            Double(bitPattern: bits).isNaN || bits == (-0.0).bitPattern
                ? withUnsafeBytes(of: bits.littleEndian) { Data($0) }.databaseValue
                : Double(bitPattern: bits).databaseValue
        case .boolean(let flag): (flag ? 1 : 0).databaseValue
        case .none: .null
        }
    }

    /// Reads a kind and a value.
    ///
    /// - Throws: ``RegistryError/Damage`` when they do not go together.
    init(kind: String, value: DatabaseValue) throws {
        switch (kind, value.storage) {
        case ("string", .string(let text)): self = .string(text)
        case ("string", .blob(let data)):
            guard let text = String(validating: data, as: UTF8.self) else {
                throw RegistryError.Damage(problem: "a stored text is not UTF-8")
            }
            self = .string(text)
        case ("integer", .int64(let number)): self = .integer(number)
        case ("number", .double(let number)): self = .number(bits: number.bitPattern)
        case ("number", .blob(let data)) where data.count == 8:
            self = .number(bits: data.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        case ("boolean", .int64(let number)) where number == 0 || number == 1: self = .boolean(number == 1)
        case ("none", .null): self = .none
        default: throw RegistryError.Damage(problem: "a stored \(kind) has another type")
        }
    }
}
