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

    /// The selected leaves by name, but for files that are kept as they are.
    ///
    /// - Parameter isFolder: Whether the version is a folder: where all selected leaves are of one of its files, they have
    ///   the names that they have there, and beside weights nothing else counts.
    init(_ layout: StorageLayout, flattens: Bool, isFolder: Bool, format: String) throws {
        let files = layout.structure.opaqueLeaves
        let names =
            flattens ? nil : try FlatSelection.names(layout, except: files, isFolder: isFolder, format: format)
        let paths = layout.structure.leafPaths
        let dottedNames = layout.structure.leafKeys.map { $0.joined(separator: ".") }
        var nameOfStorage: [Int: String] = [:]
        var pathOfName: [CheckpointKey: String] = [:]
        for (index, leaf) in layout.leaves.enumerated() {
            guard let leaf else { continue }
            let name = names == nil ? dottedNames[index] : names?[index]
            guard let name, let tensor = leaf.tensor, !files.contains(index) else {
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

    /// The key of each leaf of a dictionary of tensors, by the leaf's position; none for what a folder has beside them.
    ///
    /// - Throws: ``NamedTensorsError`` where a selected leaf is not a tensor directly in such a dictionary.
    private static func names(
        _ layout: StorageLayout, except files: Set<Int>, isFolder: Bool, format: String
    ) throws -> [Int: String] {
        func error(_ problem: NamedTensorsError.Problem) -> NamedTensorsError {
            NamedTensorsError(format: format, problem: problem)
        }
        guard case .dictionary(let top, _) = layout.structure else {
            throw error(.notDictionary(layout.structure.kind.phrase))
        }
        var selected = FlatSelection.selected(top, from: 0, layout, except: files)
        var hasTensors = selected.contains { $0.structure == .tensor }
        while isFolder, !hasTensors, selected.count == 1,
            case .dictionary(let entries, _) = selected[0].structure
        {
            selected = FlatSelection.selected(entries, from: selected[0].firstLeaf, layout, except: files)
            hasTensors = selected.contains { $0.structure == .tensor }
        }
        var names: [Int: String] = [:]
        for entry in selected {
            if isFolder, hasTensors, entry.structure != .tensor { continue }
            guard case .string(let name) = entry.key else { throw error(.key(entry.key)) }
            guard entry.structure == .tensor else {
                throw error(.value(path: name, kind: entry.structure.kind.phrase))
            }
            names[entry.firstLeaf] = name
        }
        return names
    }

    /// The entries that have selected leaves other than files, each with the position of its first leaf.
    private static func selected(
        _ entries: [Structure.Entry], from first: Int, _ layout: StorageLayout, except files: Set<Int>
    ) -> [(key: CheckpointKey, structure: Structure, firstLeaf: Int)] {
        var next = first
        return entries.compactMap { entry in
            let range = next..<next + entry.structure.leafCount
            next = range.upperBound
            guard range.contains(where: { layout.leaves[$0] != nil && !files.contains($0) }) else { return nil }
            return (entry.key, entry.structure, range.lowerBound)
        }
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
