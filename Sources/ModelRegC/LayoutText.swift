import Checkpoints
import Foundations
import ModelReg
import RegistryJSON
import Tensors

/// A layout as JSON, written by hand: a model may have tens of thousands of tensors.
enum LayoutText {
    /// The text of a layout.
    static func of(_ layout: StorageLayout) throws -> String {
        let leaves = layout.leaves.map { leaf -> String in
            switch leaf {
            case .tensor(let place, let role):
                tensor(
                    place.dtype, storage: place.storage, offset: place.offset, place.shape, place.strides, role)
            case .value(let value): plain(value)
            case nil: "null"
            }
        }
        return try text(
            layout.version, structure: layout.structure, leaves, storages: layout.storageByteCounts)
    }

    /// The text of rows of one tensor.
    static func of(_ rows: Tensor, at path: String, version: Version) throws -> String {
        let structure = Structure.dictionary(
            [Structure.Entry(key: .string(path), structure: .tensor)], kind: .plain)
        let leaf = tensor(
            rows.dtype, storage: 0, offset: 0, rows.shape, TensorGeometry.contiguousStrides(rows.shape),
            .unspecified
        )
        return try text(version, structure: structure, [leaf], storages: [rows.byteCount])
    }

    private static func text(
        _ version: Version, structure: Structure, _ leaves: [String], storages: [Int]
    ) throws -> String {
        let paths = structure.leafPaths.map { JSONText.quoted($0.text) }
        return "{\"version\":\(try JSON.text(VersionJSON(version), isPretty: false)),"
            + "\"structure\":\(structure.json),\"paths\":[\(paths.joined(separator: ","))],"
            + "\"leaves\":[\(leaves.joined(separator: ","))],\"storages\":\(list(storages))}"
    }

    private static func tensor(
        _ dtype: DType, storage: Int, offset: Int, _ shape: [Int], _ strides: [Int], _ role: TensorRole
    ) -> String {
        "[\"tensor\",\"\(dtype.rawValue)\",\(storage),\(offset),\(list(shape)),\(list(strides)),"
            + "\(TensorRole.numbered[role] ?? 0)]"
    }

    private static func list(_ numbers: [Int]) -> String {
        "[" + numbers.map(String.init).joined(separator: ",") + "]"
    }

    private static func plain(_ value: PlainValue) -> String {
        switch value {
        case .string(let text): "[\"string\",\(JSONText.quoted(text))]"
        case .integer(let number): "[\"integer\",\(number)]"
        case .number(let bits):
            "[\"number\",\"\(HexText.of(withUnsafeBytes(of: bits.bigEndian) { [UInt8]($0) }))\"]"
        case .boolean(let flag): "[\"boolean\",\(flag)]"
        case .none: "[\"none\"]"
        case .bytes(let bytes): "[\"bytes\",\"\(HexText.of(bytes))\"]"
        case .bigInteger(let number): "[\"big_integer\",\"\(number)\"]"
        case .name(let name): "[\"name\",\(JSONText.quoted(name.text))]"
        }
    }
}
