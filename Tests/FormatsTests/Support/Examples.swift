import Checkpoints
import Foundation
import OrderedCollections
import Tensors

/// The checked-in files that PyTorch and safetensors wrote, and what these libraries read from them.
enum Examples {
    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../Examples/data").standardized.path

    static func path(_ name: String) -> String { "\(directory)/\(name)" }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    static let names = [
        "array.npy", "arrays-deflated.npz", "arrays.npz", "checkpoint.pt", "dtypes.pt", "dtypes.safetensors",
        "legacy.pt",
        "mlp-step-000.pt", "mlp-step-010.pt",
        "mlp-step-020.pt", "mlp-step-050.pt", "mlp-step-100.pt", "mlp-step-100.safetensors", "mydict",
        "quantised.gguf",
        "tied.pt",
        "views.pt", "x-file", "x-files",
    ]

    struct Expected: Decodable {
        let files: [String: File]
    }

    struct File: Decodable {
        let format: String
        let metadata: [[String]]?
        let leaves: [Leaf]
        let tied: [[String]]
    }

    struct Leaf: Decodable, Equatable, CustomStringConvertible {
        var path: String
        var kind: String
        var count: Int?
        var dtype: String?
        var shape: [Int]?
        var strides: [Int]?
        var offset: Int?
        var role: String?
        var sha256: String?
        var bits: String?
        var printed: String?

        var description: String { "\(path): \(kind) \(dtype ?? "") \(shape ?? []) \(sha256 ?? printed ?? "")" }
    }

    static func expected() throws -> Expected {
        try JSONDecoder().decode(Expected.self, from: Data(bytes("expected.json")))
    }

    /// `checkpoint` in the form of `expected.json`, containers before their members.
    static func leaves(_ checkpoint: Checkpoint, path: String? = nil) -> [Leaf] {
        func container(_ kind: String, _ children: [(String, Checkpoint)]) -> [Leaf] {
            [Leaf(path: path ?? "", kind: kind, count: children.count)]
                + children.flatMap { key, child in
                    let escaped = key.replacingOccurrences(of: "~", with: "~0")
                        .replacingOccurrences(of: "/", with: "~1")
                    return leaves(child, path: path.map { "\($0)/\(escaped)" } ?? escaped)
                }
        }
        let path = path ?? ""
        switch checkpoint {
        case .tensor(let tensor, let role):
            let digest = tensor.withUnsafeBytes { ContentID(hashing: $0).hex }
            return [
                Leaf(
                    path: path, kind: "tensor", dtype: tensor.dtype.rawValue, shape: tensor.shape,
                    strides: tensor.strides, offset: tensor.offset, role: role.rawValue,
                    sha256: digest)
            ]
        case .list(let elements): return container("list", elements.enumerated().map { ("\($0)", $1) })
        case .tuple(let elements): return container("tuple", elements.enumerated().map { ("\($0)", $1) })
        case .dictionary(let dictionary):
            return container(
                dictionary.kind.isOrdered ? "ordered_dict" : "dict",
                dictionary.entries.map { ($0.key.description, $0.value) })
        case .string(let text): return [Leaf(path: path, kind: "string", printed: text)]
        case .integer(let number): return [Leaf(path: path, kind: "integer", printed: "\(number)")]
        case .number(let number):
            return [Leaf(path: path, kind: "number", bits: String(format: "%016lx", number.bitPattern))]
        case .boolean(let flag): return [Leaf(path: path, kind: "boolean", printed: "\(flag)")]
        case .none: return [Leaf(path: path, kind: "none")]
        case .object(let object):
            guard case .list(let items)? = object[.items] else {
                return [Leaf(path: path, kind: object.form.name.description)]
            }
            return container(object.form.name.description, items.enumerated().map { ("\($0)", $1) })
        case .bytes, .bigInteger, .name, .reference: return [Leaf(path: path, kind: "other")]
        }
    }

    /// Paths of tensors that share a storage, where there are several.
    static func tied(_ checkpoint: Checkpoint) -> [[String]] {
        var groups: OrderedDictionary<ObjectIdentifier, [String]> = [:]
        func visit(_ value: Checkpoint, _ path: String?) {
            func visit(_ child: Checkpoint, key: String) {
                let escaped = key.replacingOccurrences(of: "~", with: "~0").replacingOccurrences(
                    of: "/", with: "~1")
                outer(child, path.map { "\($0)/\(escaped)" } ?? escaped)
            }
            switch value {
            case .tensor(let tensor, _):
                groups[ObjectIdentifier(tensor.storage), default: []].append(path ?? "")
            case .list(let elements), .tuple(let elements):
                for (index, element) in elements.enumerated() { visit(element, key: "\(index)") }
            case .dictionary(let dictionary):
                for (key, child) in dictionary.entries { visit(child, key: key.description) }
            default: break
            }
        }
        func outer(_ value: Checkpoint, _ path: String?) { visit(value, path) }
        outer(checkpoint, nil)
        return groups.values.filter { $0.count > 1 }
    }
}
