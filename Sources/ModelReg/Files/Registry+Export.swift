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
            : try FlatSelection(
                storages, flattens: options.flattens, isFolder: isFolder(version), format: format.rawValue)
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

    /// Whether a version was saved from a folder.
    func isFolder(_ version: Version) throws -> Bool {
        try details(of: version).sourceFile?.format == SourceFile.folderFormat
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
