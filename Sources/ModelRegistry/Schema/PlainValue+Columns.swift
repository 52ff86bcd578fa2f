import Checkpoints
import ChunkStore
import Foundation
import GRDB

extension PlainValue {
    /// The kind, as `parameter.value_kind` names it.
    var columnKind: String {
        switch self {
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .none: "none"
        case .bytes: "bytes"
        case .bigInteger: "big_integer"
        case .name: "name"
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
        case .bytes(let bytes): Data(bytes).databaseValue
        case .bigInteger(let number): number.description.databaseValue
        case .name(let name): name.text.databaseValue
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
        case ("bytes", .blob(let data)): self = .bytes([UInt8](data))
        case ("big_integer", .string(let text)):
            guard let number = BigInteger(decimal: text), number.description == text else {
                throw RegistryError.Damage(problem: "a stored number is no large whole number")
            }
            self = .bigInteger(number)
        case ("name", .string(let text)):
            guard let name = QualifiedName(text: text) else {
                throw RegistryError.Damage(problem: "a stored name is invalid")
            }
            self = .name(name)
        default: throw RegistryError.Damage(problem: "a stored \(kind) has another type")
        }
    }
}
