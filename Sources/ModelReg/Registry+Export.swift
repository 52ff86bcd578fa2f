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
        let storages = try storageLayout(of: version, only: options.patterns)
        switch format {
        case .pytorch:
            let layout = try PyTorchLayout(storages.outline(), storageByteCounts: storages.storageByteCounts)
            try write(layout, to: path, options) { destinations in
                try copyStorages(
                    storages, into: destinations, verifiesHashes: options.verifiesHashes, progress: progress)
            }
            return []
        case .safetensors:
            let selection = try FlatSelection(storages, flattens: options.flattens)
            let layout = try SafetensorsLayout(selection.entries, metadata: try fileMetadata(of: version))
            try write(layout, to: path, options) { destinations in
                let leaves = zip(selection.leaves, destinations).map { (leaf: $0, destination: $1) }
                try copyTensors(of: version, leaves, verifiesHashes: options.verifiesHashes, progress: progress)
            }
            return selection.omitted
        }
    }

    /// Makes a file of `layout`, whose ranges `fill` writes.
    private func write(
        _ layout: some FileLayout, to path: String, _ options: ExportOptions,
        fill: ([UnsafeMutableRawBufferPointer]) throws -> Void
    ) throws {
        let output = try OutputFile(path: path, byteCount: layout.byteCount, mayReplace: options.mayReplace)
        func put(_ literals: [FileLiteral]) {
            for literal in literals {
                let range = literal.offset..<literal.offset + literal.bytes.count
                UnsafeMutableRawBufferPointer(rebasing: output.bytes[range]).copyBytes(from: literal.bytes)
            }
        }
        put(layout.literals)
        let destinations = layout.ranges.map { UnsafeMutableRawBufferPointer(rebasing: output.bytes[$0]) }
        try fill(destinations)
        if layout.hasChecksums {
            let ranges = layout.ranges
            let crc32s = ConcurrentMap.map(ranges) { range in
                CRC32(UnsafeRawBufferPointer(rebasing: output.bytes[range])).value
            }
            put(layout.checksumLiterals(crc32s: crc32s))
        }
        try output.commit()
    }

    private func fileMetadata(of version: Version) throws -> OrderedDictionary<String, String> {
        var metadata: OrderedDictionary<String, String> = [:]
        for attribute in try details(of: version).attributes where attribute.isFromFile {
            metadata[attribute.key] = attribute.text
        }
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
            }
        }
        return outline ?? .dictionary([], kind: .plain)
    }
}

extension CheckpointOutline {
    fileprivate init(_ leaf: StorageLayout.Leaf) {
        switch leaf {
        case .tensor(let view):
            self = .tensor(
                View(
                    storage: view.storage, dtype: view.dtype, shape: view.shape, strides: view.strides,
                    offset: view.offset, role: view.role))
        case .value(.string(let text)): self = .string(text)
        case .value(.integer(let number)): self = .integer(number)
        case .value(.number(let bits)): self = .number(Double(bitPattern: bits))
        case .value(.boolean(let flag)): self = .boolean(flag)
        case .value(.none): self = .none
        }
    }
}

/// The leaves of a version that go into a flat file, under their names in it.
private struct FlatSelection {
    /// Positions among the version's leaves.
    private(set) var leaves: [Int] = []
    /// What the file says of each.
    private(set) var entries: [SafetensorsLayout.Entry] = []
    /// The paths of plain values that were left out.
    private(set) var omitted: [String] = []

    init(_ layout: StorageLayout, flattens: Bool) throws {
        let names = flattens ? nil : try FlatSelection.names(layout)
        let paths = layout.structure.leafPaths
        let dottedNames = layout.structure.leafKeys.map { $0.joined(separator: ".") }
        var nameOfStorage: [Int: String] = [:]
        for (index, leaf) in layout.leaves.enumerated() {
            guard let leaf else { continue }
            let name = names?[index] ?? dottedNames[index]
            guard case .tensor(let view) = leaf else {
                omitted.append(paths[index].text)
                continue
            }
            if !flattens, let other = nameOfStorage.updateValue(name, forKey: view.storage) {
                throw SafetensorsLayoutError.tied(other, name)
            }
            leaves.append(index)
            entries.append(SafetensorsLayout.Entry(name: name, dtype: view.dtype, shape: view.shape))
        }
    }

    /// The key of each leaf of a dictionary of tensors, by the leaf's position.
    ///
    /// - Throws: ``SafetensorsLayoutError`` where a selected leaf is not a tensor directly in such a dictionary.
    private static func names(_ layout: StorageLayout) throws -> [Int: String] {
        guard case .dictionary(let entries, _) = layout.structure else {
            throw SafetensorsLayoutError.notDictionary(layout.structure.kind.phrase)
        }
        var names: [Int: String] = [:]
        var position = 0
        for entry in entries {
            let range = position..<position + entry.structure.leafCount
            position = range.upperBound
            guard layout.leaves[range].contains(where: { $0 != nil }) else { continue }
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
