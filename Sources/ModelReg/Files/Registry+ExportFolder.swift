import Checkpoints
import Formats
public import Foundations
import ModelRegistry
import OrderedCollections
import Tensors

extension Registry {
    /// Writes a version as the folder of a model: its weights in one or several files, and its attachments.
    ///
    /// - Parameter source: The file to be given back as it was; `nil` where another one is wanted.
    func exportFolder(
        _ version: Version, to folder: String, format: FileFormat, source: VersionDetails.Source?,
        options: ExportOptions, progress: ProgressHandler?
    ) throws -> ExportResult {
        let folder = folder.hasSuffix("/") ? folder : folder + "/"
        let isWhole = options.patterns.isEmpty && !options.flattens && options.shardByteCount == nil
        guard options.shardByteCount == nil || format == .safetensors else { throw ExportError.shards(format) }
        var attachments = try attachments(of: version)
        var output = FolderOutput(folder, mayReplace: options.mayReplace)

        if let name = FilePath.plainName(source?.name) {
            let canBeRestored = try output.write([name] + attachments.map(\.name)) { output in
                let isDone = try restoreSourceFile(
                    of: version, to: folder + name, mayReplace: options.mayReplace,
                    verifiesHashes: options.verifiesHashes, progress: progress)
                if isDone { try output.write(attachments) }
                return isDone
            }
            if canBeRestored {
                return ExportResult(
                    version: version, path: folder, format: source.flatMap { FileFormat(rawValue: $0.format) },
                    isSourceFile: true, omitted: [], files: [name], attachments: attachments.map(\.name))
            }
        }
        // An index is for the files that it was saved with. It is of use where these are written again.
        let index = attachments.first { $0.name.hasSuffix(SafetensorsShards.indexSuffix) }
        attachments.removeAll { $0.name.hasSuffix(SafetensorsShards.indexSuffix) }
        guard format == .safetensors else {
            let name = format == .pytorch ? "pytorch_model.bin" : "model." + format.fileExtension
            let omitted = try output.write([name] + attachments.map(\.name)) { output in
                let omitted = try exportAnew(
                    version, to: folder + name, format: format, options: options, progress: progress)
                try output.write(attachments)
                return omitted
            }
            return ExportResult(
                version: version, path: folder, format: format, isSourceFile: false, omitted: omitted,
                files: [name], attachments: attachments.map(\.name))
        }

        let storages = try storageLayout(of: version, only: options.patterns)
        let selection = try FlatSelection(
            storages, flattens: options.flattens, isFolder: isFolder(version), format: format.rawValue)
        let entries = selection.safetensorsEntries
        var metadata = try fileMetadata(of: version)
        let kept =
            isWhole ? index.flatMap { SafetensorsShards(index: $0.bytes, names: entries.map(\.name)) } : nil
        let shards = try kept ?? SafetensorsShards(entries, maximumByteCount: options.shardByteCount ?? .max)
        // The transformers library refuses files that do not say which library they are for.
        if kept == nil, metadata["format"] == nil { metadata["format"] = "pt" }
        if let bytes = shards.index {
            let name = kept == nil ? nil : index?.name
            attachments.append((name ?? SafetensorsShards.indexName, bytes))
        }
        let files = shards.shards.map(\.name)
        let total = selection.byteCount
        try output.write(files + attachments.map(\.name)) { output in
            var done = 0
            for shard in shards.shards {
                let layout = try SafetensorsLayout(shard.entries.map { entries[$0] }, metadata: metadata)
                let before = done
                try layout.write(to: folder + shard.name, mayReplace: options.mayReplace) { destinations in
                    let leaves = zip(shard.entries, destinations).map {
                        (leaf: selection.leaves[$0], destination: $1)
                    }
                    done += destinations.reduce(0) { $0 + $1.count }
                    try copyTensors(of: version, leaves, verifiesHashes: options.verifiesHashes) { part, _ in
                        progress?(before + part, total)
                    }
                }
            }
            try output.write(attachments)
        }
        return ExportResult(
            version: version, path: folder, format: format, isSourceFile: false, omitted: selection.omitted,
            files: files, attachments: attachments.map(\.name))
    }

    /// The attachments of a version, whose names can be those of files below a folder.
    func attachments(of version: Version) throws -> [(name: String, bytes: [UInt8])] {
        try details(of: version).attachments.map { attachment in
            let name = attachment.name
            guard RelativeName.isSafe(name), let bytes = try self.attachment(name, of: version) else {
                let problem = "attachment \(quoted(attachment.name)) is no file name"
                throw RegistryError.damaged(RegistryError.Damage(version: version.reference, problem: problem))
            }
            return (name, bytes)
        }
    }
}

/// What cannot be written in the way that was asked for.
public enum ExportError: Error, Equatable, CustomStringConvertible {
    /// GGUF that is not the file that was saved.
    case gguf
    /// Several files in a format that has no index.
    case shards(FileFormat)
    /// Two files of one name in one folder.
    case sameName(String)

    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .gguf:
            "GGUF is written for a whole version that came from a GGUF file only; save it as safetensors"
        case .shards(let format): "\(format.rawValue) is written as one file only; save it as safetensors"
        case .sameName(let name): "two files, or a file and a folder, are both called \(quoted(name))"
        }
    }
}

extension ExportError: CategorisedError {
    /// A version that cannot be written in the way asked for.
    public var category: ErrorCategory { .usage }
}
