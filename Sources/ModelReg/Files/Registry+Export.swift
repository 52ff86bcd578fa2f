import Checkpoints
import Formats
import ModelRegistry
import OrderedCollections
import Tensors

extension Registry {
    /// Writes a version to a new file in a format, chunk by chunk.
    ///
    /// - Returns: The paths of what the file has no place for.
    func exportAnew(
        _ version: Version, to path: String, format: FileFormat, options: ExportOptions,
        progress: ProgressHandler?
    ) throws -> [String] {
        guard format != .gguf else { throw ExportError.gguf }
        guard format != .pickle else { throw PickleFileError.unwritable }
        if let place = options.stateDict {
            try exportStateDict(
                place, of: version, to: path, format: format, options: options, progress: progress)
            return []
        }
        let storages = try storageLayout(of: version, only: options.patterns)
        if format == .pytorch {
            let layout = try PyTorchLayout(storages.outline(), storageByteCounts: storages.storageByteCounts)
            try layout.write(to: path, mayReplace: options.mayReplace) { destinations in
                try copyStorages(
                    storages, into: destinations, verifiesHashes: options.verifiesHashes, progress: progress)
            }
            return []
        }
        let selection =
            format == .npy
            ? try FlatSelection(single: storages)
            : try FlatSelection(storages, flattens: options.flattens, format: format.rawValue)
        let layout = try selection.layout(format, metadata: fileMetadata(of: version))
        try layout.write(to: path, mayReplace: options.mayReplace) { destinations in
            let leaves = zip(selection.leaves, destinations).map { (leaf: $0, destination: $1) }
            try copyTensors(of: version, leaves, verifiesHashes: options.verifiesHashes, progress: progress)
        }
        return selection.omitted
    }

    /// Writes some rows of one tensor to a new file, under the tensor's name.
    func exportRows(
        _ rows: Range<Int>, of version: Version, to path: String?, format: FileFormat, options: ExportOptions
    ) throws -> ExportResult {
        precondition(options.patterns.count == 1, "rows of one tensor, not of \(options.patterns)")
        let name = options.patterns[0]
        let tensor = try load(
            version.reference, path: name, rows: rows, verifiesHashes: options.verifiesHashes)
        let target = path ?? FilePath.name(version.model) + "." + format.fileExtension
        var dictionary = CheckpointDictionary()
        dictionary[name] = .tensor(tensor)
        try CheckpointFile.write(
            format == .npy ? .tensor(tensor) : .dictionary(dictionary), to: target, as: format,
            mayReplace: options.mayReplace)
        return ExportResult(
            version: version, path: target, format: format, isSourceFile: false, omitted: [], files: [target],
            attachments: [])
    }

    /// The texts that the version's file carried beside the tensors.
    func fileMetadata(of version: Version) throws -> OrderedDictionary<String, String> {
        var metadata: OrderedDictionary<String, String> = [:]
        for (key, value) in try details(of: version).fileFacts { metadata[key] = value.text }
        return metadata
    }
}

extension StorageLayout {
    /// The selected leaves as an outline of the checkpoint that they make.
    fileprivate func outline() throws -> CheckpointOutline {
        let leaves = leaves.map { leaf in leaf.map(CheckpointOutline.init) }
        let outline = try structure.assembled(from: leaves) { container in
            switch container {
            case .list(let items): .list(items)
            case .tuple(let items): .tuple(items)
            case .dictionary(let entries, let kind): .dictionary(entries, kind: kind)
            case .object(let form, let parts): .object(form, parts: parts)
            case .reference(let label): .reference(label)
            }
        }
        return outline ?? .dictionary([], kind: .plain)
    }
}

extension CheckpointOutline {
    fileprivate init(_ leaf: StorageLayout.Leaf) {
        switch leaf {
        case .tensor(let layout, let role): self = .tensor(layout, role: role)
        case .value(let value): self = .value(value)
        }
    }
}

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
