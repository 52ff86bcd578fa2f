import Checkpoints
import Formats
import ModelRegistry
import Tensors

extension Registry {
    /// Writes the state dict within a version, and nothing else.
    ///
    /// - Throws: ``StateDictError``; `PathSelectionError` where the patterns select none of its names.
    func exportStateDict(
        _ place: ExportOptions.StateDictPlace, of version: Version, to path: String, format: FileFormat,
        options: ExportOptions, progress: ProgressHandler?
    ) throws {
        let manifest = try manifest(of: version.reference)
        var stateDictPath: String?
        if case .at(let given) = place { stateDictPath = given }
        let search = try StateDictSearch(manifest.structure, at: stateDictPath) { leaf in
            if case .value(let value) = manifest.leaves[leaf].content { value } else { nil }
        }
        let names = search.entries.map { CheckpointPath.root.appending($0.name) }
        let entries = zip(search.entries, try PathSelection(options.patterns).selects(names)).filter(\.1).map(
            \.0)
        let layout = try storageLayout(of: version, leaves: Set(entries.map(\.leaf)))
        if format == .pytorch {
            let members = entries.compactMap { entry -> (key: CheckpointKey, value: CheckpointOutline)? in
                guard let tensor = layout.leaves[entry.leaf]?.tensor else { return nil }
                // As `state_dict()` has them: tensors, not parameters.
                return (.string(entry.name), .tensor(tensor, object: entry.leaf))
            }
            let file = try PyTorchLayout(
                .dictionary(members, kind: .ordered(attributes: search.attributes)),
                storageByteCounts: layout.storageByteCounts)
            try file.write(to: path, mayReplace: options.mayReplace) { destinations in
                try copyStorages(
                    layout, into: destinations, verifiesHashes: options.verifiesHashes, progress: progress)
            }
            return
        }
        let selection = try FlatSelection(layout, named: entries, format: format.rawValue)
        let file = try selection.layout(format, metadata: [:])
        try file.write(to: path, mayReplace: options.mayReplace) { destinations in
            let leaves = zip(selection.leaves, destinations).map { (leaf: $0, destination: $1) }
            try copyTensors(of: version, leaves, verifiesHashes: options.verifiesHashes, progress: progress)
        }
    }
}
