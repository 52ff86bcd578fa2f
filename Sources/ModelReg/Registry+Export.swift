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
        let manifest = try manifest(of: version.reference)
        let selection = try ExportSelection(manifest, options)
        guard format == .safetensors else { throw ExportError.cannotWrite(format) }
        let layout = try SafetensorsLayout(selection.entries, metadata: try fileMetadata(of: version))
        let output = try OutputFile(path: path, byteCount: layout.byteCount, mayReplace: options.mayReplace)
        output.bytes.copyBytes(from: layout.header)
        let leaves = zip(selection.leaves, layout.ranges).map { leaf, range in
            (leaf: leaf, destination: UnsafeMutableRawBufferPointer(rebasing: output.bytes[range]))
        }
        try copyTensors(of: version, leaves, verifiesHashes: options.verifiesHashes, progress: progress)
        try output.commit()
        return selection.omitted
    }

    private func fileMetadata(of version: Version) throws -> OrderedDictionary<String, String> {
        var metadata: OrderedDictionary<String, String> = [:]
        for attribute in try details(of: version).attributes where attribute.isFromFile {
            metadata[attribute.key] = attribute.text
        }
        return metadata
    }
}

/// A version that cannot be written as asked.
public enum ExportError: Error, Equatable {
    /// The format is read but not written.
    case cannotWrite(FileFormat)
}

extension ExportError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .cannotWrite(let format):
            "cannot write a new \(format.rawValue) file; only a whole version that came from one is given back. "
                + "Use --as safetensors"
        }
    }
}

/// The leaves of a version that go into a flat file, under their names in it.
private struct ExportSelection {
    /// Positions among the version's leaves.
    private(set) var leaves: [Int] = []
    /// What the file says of each.
    private(set) var entries: [SafetensorsLayout.Entry] = []
    /// The paths of plain values that were left out.
    private(set) var omitted: [String] = []

    init(_ manifest: Manifest, _ options: ExportOptions) throws {
        let isSelected = try PathSelection(options.patterns).selects(manifest.leaves.map(\.path))
        let names = options.flattens ? nil : try ExportSelection.flatNames(manifest, isSelected)
        var nameOfStorage: [Int: String] = [:]
        for (index, leaf) in manifest.leaves.enumerated() where isSelected[index] {
            let name = names?[index] ?? leaf.path.text
            guard case .tensor(let tensor) = leaf.content else {
                omitted.append(leaf.path.text)
                continue
            }
            if let tie = tensor.tie, !options.flattens,
                let other = nameOfStorage.updateValue(name, forKey: tie.storage)
            {
                throw SafetensorsLayoutError.tied(other, name)
            }
            leaves.append(index)
            entries.append(SafetensorsLayout.Entry(name: name, dtype: tensor.dtype, shape: tensor.shape))
        }
    }

    /// The key of each leaf of a dictionary of tensors, by the leaf's position.
    ///
    /// - Throws: ``SafetensorsLayoutError`` where a selected leaf is not a tensor directly in such a dictionary.
    private static func flatNames(_ manifest: Manifest, _ isSelected: [Bool]) throws -> [Int: String] {
        guard case .dictionary(let entries, _) = manifest.structure else {
            throw SafetensorsLayoutError.notDictionary(manifest.structure.kind.phrase)
        }
        var names: [Int: String] = [:]
        var position = 0
        for entry in entries {
            let range = position..<position + entry.structure.leafCount
            position = range.upperBound
            guard isSelected[range].contains(true) else { continue }
            guard case .string(let name) = entry.key else { throw SafetensorsLayoutError.key(entry.key) }
            guard entry.structure == .tensor else {
                throw SafetensorsLayoutError.value(path: name, kind: entry.structure.kind.phrase)
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
        case .dictionary, .stateDict: "a dictionary"
        }
    }
}
