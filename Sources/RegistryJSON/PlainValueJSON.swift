import Foundations
package import ModelReg

extension PlainValue {
    /// `string`, `integer`, `number`, `boolean`, `none`, `bytes` or `name`.
    package var kindName: String {
        switch self {
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .none: "none"
        case .bytes: "bytes"
        case .bigInteger: "integer"
        case .name: "name"
        }
    }

    /// The value as JSON; NaN and infinity as null.
    package var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .integer(let number): .integer(number)
        case .number(let bits):
            Double(bitPattern: bits).isFinite ? .number(Double(bitPattern: bits)) : .null
        case .boolean(let flag): .boolean(flag)
        case .none: .null
        case .bytes(let bytes): .string(HexText.of(bytes))
        case .bigInteger(let number): .string(number.description)
        case .name(let name): .string(name.description)
        }
    }
}
