import Formats
import Foundations
import ModelRegistry

/// The files of a split GGUF model: their names, and how many bytes each has.
struct SplitParts {
    let names: [String]
    let byteCounts: [Int]
}

extension Registry {
    /// The files that a version was saved from, where it was a split GGUF model.
    ///
    /// - Throws: ``RegistryError/damaged(_:)`` where the registry contradicts itself.
    func splitParts(of version: Version, _ source: VersionDetails.Source?) throws -> SplitParts? {
        guard let source, source.format == FileFormat.gguf.rawValue,
            let fact = try details(of: version).fileFacts[SplitGGUF.partsKey]
        else { return nil }
        guard let byteCounts = SplitGGUF.partByteCounts(json: fact.json), let name = GGUFSplitName(source.name),
            name.number == 1, name.count == byteCounts.count
        else {
            throw RegistryError.damaged(
                RegistryError.Damage(
                    version: version.reference, problem: "the names of its source files are damaged"))
        }
        return SplitParts(
            names: GGUFSplitName.all(prefix: name.prefix, count: name.count), byteCounts: byteCounts)
    }

    /// Writes the files of a split GGUF model again, byte for byte.
    ///
    /// - Parameter path: A folder, for the names that they had; a file, whose name takes the place of what comes before the
    ///   numbers; `nil` for the current folder.
    func exportSplit(
        _ version: Version, _ parts: SplitParts, to path: String?, options: ExportOptions,
        progress: ProgressHandler?
    ) throws -> ExportResult {
        var folder = "./"
        var names = parts.names
        var isFolder = false
        if let path {
            isFolder = path.hasSuffix("/") || ModelFolder.isFolder(path)
            if isFolder {
                folder = path.hasSuffix("/") ? path : path + "/"
            } else {
                let (parent, name) = FilePath.split(path)
                folder = parent
                let prefix =
                    GGUFSplitName(name)?.prefix ?? (name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name)
                names = GGUFSplitName.all(prefix: prefix, count: names.count)
            }
        }
        guard names.allSatisfy({ FilePath.plainName($0) != nil }) else {
            throw RegistryError.damaged(
                RegistryError.Damage(version: version.reference, problem: "a source file has no file name"))
        }
        let attachments = isFolder || options.includesAttachments ? try attachments(of: version) : []
        var output = FolderOutput(folder, mayReplace: options.mayReplace)
        let isRestored = try output.write(names + attachments.map(\.name)) { output in
            let isRestored = try restoreSourceFiles(
                of: version, to: zip(parts.byteCounts, names).map { ($0, folder + $1) },
                mayReplace: options.mayReplace,
                verifiesHashes: options.verifiesHashes, progress: progress)
            if isRestored { try output.write(attachments) }
            return isRestored
        }
        guard isRestored else { throw ExportError.gguf }
        return ExportResult(
            version: version, path: isFolder ? folder : path == nil ? names[0] : folder + names[0],
            format: .gguf,
            isSourceFile: true, omitted: [], files: names, attachments: attachments.map(\.name))
    }
}
