import Checkpoints
import Formats
import ModelRegistry
import OrderedCollections
import Tensors

/// The leaves of a version that go into a flat file, under their names in it.
struct FlatSelection {
    /// Positions among the version's leaves.
    private(set) var leaves: [Int] = []
    /// What the file says of each.
    private(set) var entries: [(name: String, dtype: DType, shape: [Int])] = []
    /// The paths of plain values that were left out.
    private(set) var omitted: [String] = []

    /// The only selected leaf, for a format that holds one tensor.
    init(single layout: StorageLayout) throws {
        let selected = layout.leaves.indices.filter { layout.leaves[$0] != nil }
        guard selected.count == 1, let tensor = layout.leaves[selected[0]]?.tensor else {
            throw NumPyLayoutError.notTensor(layout.structure.kind.phrase)
        }
        leaves = selected
        entries = [("", tensor.dtype, tensor.shape)]
    }

    /// Leaves under names of their own.
    ///
    /// - Throws: ``NamedTensorsError`` where two have one name.
    init(_ layout: StorageLayout, named entries: [StateDictSearch.Entry], format: String) throws {
        var names: Set<CheckpointKey> = []
        for entry in entries {
            guard let tensor = layout.leaves[entry.leaf]?.tensor else { continue }
            guard names.insert(.string(entry.name)).inserted else {
                throw NamedTensorsError(
                    format: format, problem: .sameName(entry.name, entry.name, entry.name))
            }
            leaves.append(entry.leaf)
            self.entries.append((entry.name, tensor.dtype, tensor.shape))
        }
    }

    /// The selected leaves by name.
    init(_ layout: StorageLayout, flattens: Bool, format: String) throws {
        let names = flattens ? nil : try FlatSelection.names(layout, format: format)
        let paths = layout.structure.leafPaths
        let dottedNames = layout.structure.leafKeys.map { $0.joined(separator: ".") }
        var nameOfStorage: [Int: String] = [:]
        var pathOfName: [CheckpointKey: String] = [:]
        for (index, leaf) in layout.leaves.enumerated() {
            guard let leaf else { continue }
            let name = names?[index] ?? dottedNames[index]
            guard let tensor = leaf.tensor else {
                omitted.append(paths[index].text)
                continue
            }
            if !flattens, let other = nameOfStorage.updateValue(name, forKey: tensor.storage) {
                throw NamedTensorsError(format: format, problem: .tied(other, name))
            }
            if let other = pathOfName.updateValue(paths[index].text, forKey: .string(name)) {
                throw NamedTensorsError(format: format, problem: .sameName(name, other, paths[index].text))
            }
            leaves.append(index)
            entries.append((name, tensor.dtype, tensor.shape))
        }
    }

    /// Where the tensors go in a file.
    func layout(_ format: FileFormat, metadata: OrderedDictionary<String, String>) throws -> any FileLayout {
        switch format {
        case .npy: try NumPyLayout(dtype: entries[0].dtype, shape: entries[0].shape)
        case .npz:
            try NumPyArchiveLayout(
                entries.map { NumPyArchiveLayout.Entry(name: $0.name, dtype: $0.dtype, shape: $0.shape) })
        case .safetensors: try SafetensorsLayout(safetensorsEntries, metadata: metadata)
        case .pytorch, .gguf, .pickle: preconditionFailure("\(format) files hold more than named tensors")
        }
    }

    /// The entries of a safetensors file.
    var safetensorsEntries: [SafetensorsLayout.Entry] {
        entries.map { SafetensorsLayout.Entry(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
    }

    /// Bytes of all tensors.
    var byteCount: Int {
        entries.reduce(0) { $0 + ((try? TensorGeometry.byteCount(dtype: $1.dtype, shape: $1.shape)) ?? 0) }
    }

    /// The key of each leaf of a dictionary of tensors, by the leaf's position.
    ///
    /// - Throws: ``NamedTensorsError`` where a selected leaf is not a tensor directly in such a dictionary.
    private static func names(_ layout: StorageLayout, format: String) throws -> [Int: String] {
        func error(_ problem: NamedTensorsError.Problem) -> NamedTensorsError {
            NamedTensorsError(format: format, problem: problem)
        }
        guard case .dictionary(let entries, _) = layout.structure else {
            throw error(.notDictionary(layout.structure.kind.phrase))
        }
        var names: [Int: String] = [:]
        var position = 0
        for entry in entries {
            let range = position..<position + entry.structure.leafCount
            position = range.upperBound
            guard layout.leaves[range].contains(where: { $0 != nil }) else { continue }
            guard case .string(let name) = entry.key else { throw error(.key(entry.key)) }
            guard entry.structure == .tensor else {
                throw error(.value(path: name, kind: entry.structure.kind.phrase))
            }
            names[range.lowerBound] = name
        }
        return names
    }
}

extension CheckpointKind {
    fileprivate var phrase: String {
        switch self {
        case .tensor: "a tensor without a name"
        case .value: "a plain value"
        case .list: "a list"
        case .tuple: "a tuple"
        case .object: "an object"
        case .dictionary, .stateDict: "a dictionary"
        }
    }
}
