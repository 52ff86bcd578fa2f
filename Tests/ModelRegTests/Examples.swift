import Checkpoints
import Foundation
import Tensors

/// The checked-in files that PyTorch and safetensors wrote, and what these libraries read from them.
enum Examples {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Examples/data").standardized.path

    static func path(_ name: String) -> String { "\(folder)/\(name)" }

    static let names = [
        "checkpoint.pt", "dtypes.pt", "dtypes.safetensors", "mlp-step-000.pt", "mlp-step-010.pt",
        "mlp-step-020.pt",
        "mlp-step-050.pt", "mlp-step-100.pt", "mlp-step-100.safetensors", "mydict", "tied.pt", "views.pt",
        "x-file",
        "x-files",
    ]

    struct Expected: Decodable {
        struct File: Decodable {
            let leaves: [Leaf]
            let tied: [[String]]
        }
        struct Leaf: Decodable {
            let path: String
            let kind: String
            let dtype: String?
            let shape: [Int]?
            let role: String?
            let sha256: String?
            let bits: String?
            let printed: String?

            /// What a registry must keep of the leaf; `nil` for a container.
            var summary: String? {
                switch kind {
                case "tensor": "\(path): \(dtype ?? "") \(shape ?? []) \(role ?? "") \(sha256 ?? "")"
                case "number": "\(path): number \(bits ?? "")"
                case "string", "integer", "boolean", "none": "\(path): \(kind) \(printed ?? "")"
                default: nil
                }
            }
        }
        let files: [String: File]
    }

    static func expected() throws -> Expected {
        try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: URL(fileURLWithPath: path("expected.json"))))
    }

    /// The leaves of `checkpoint` in the form of `Expected.Leaf.summary`.
    static func summaries(_ checkpoint: Checkpoint) throws -> [String] {
        let (structure, leaves) = try checkpoint.disassembled()
        return zip(structure.leafPaths, leaves).map { path, leaf in
            let text =
                switch leaf {
                case .tensor(let tensor, let role):
                    "\(tensor.dtype) \(tensor.shape) \(role.rawValue) \(ContentID(hashing: tensor.bytes).hex)"
                case .value(.number(let bits)): "number " + String(format: "%016lx", bits)
                case .value(.string(let text)): "string \(text)"
                case .value(.integer(let number)): "integer \(number)"
                case .value(.boolean(let flag)): "boolean \(flag)"
                case .value(.none): "none "
                case .value(let value): "\(value)"
                }
            return "\(path.text): \(text)"
        }
    }

    /// Paths of tensors that share a storage, where there are several; empty tensors share none.
    static func tied(_ checkpoint: Checkpoint) throws -> Set<Set<String>> {
        let (structure, leaves) = try checkpoint.disassembled()
        var groups: [ObjectIdentifier: Set<String>] = [:]
        for (path, leaf) in zip(structure.leafPaths, leaves) {
            guard case .tensor(let tensor, _) = leaf, tensor.elementCount > 0 else { continue }
            groups[ObjectIdentifier(tensor.storage), default: []].insert(path.text)
        }
        return Set(groups.values.filter { $0.count > 1 })
    }
}
