import Formats
import Foundations
import ModelRegistry

extension Registry {
    /// Writes the folder that a version was saved from again, or its only file that is no attachment.
    ///
    /// - Parameter path: A folder; `nil` for one of the name that it had, in the current folder. A path that ends as
    ///   checkpoint files do, in a format that the only file has.
    /// - Returns: `nil` where the path asks for another file, or the folder cannot be given back.
    func exportSource(
        _ version: Version, to path: String?, options: ExportOptions, progress: ProgressHandler?
    ) throws -> ExportResult? {
        guard let source = try sourceFolder(of: version) else { return nil }
        if let path, !FilePath.isFolder(path), let format = FileFormat(path: path) {
            guard source.files.count == 1, FileFormat(path: source.files[0].name) == format else { return nil }
            return try exportOnlyFile(
                of: source, version, to: path, format, options: options, progress: progress)
        }
        let name = path ?? FilePath.plainName(source.name) ?? FilePath.name(version.model)
        let folder = name.hasSuffix("/") ? name : name + "/"
        let attachments = try attachments(of: version)
        var output = FolderOutput(folder, mayReplace: options.mayReplace)
        try output.write(source.files.map(\.name) + attachments.map(\.name)) { output in
            let total = source.files.reduce(0) { $0 + $1.byteCount }
            var done = 0
            for (index, file) in source.files.enumerated() {
                let before = done
                try source.restore(
                    index, to: folder + file.name, mayReplace: output.mayReplace(file.name),
                    verifiesHashes: options.verifiesHashes
                ) { part, _ in progress?(before + part, total) }
                done += file.byteCount
            }
            try output.write(attachments)
        }
        var result = ExportResult(
            version: version, path: folder, format: nil, isSourceFile: true, omitted: [],
            files: source.files.map(\.name), attachments: attachments.map(\.name))
        result.isFolder = true
        return result
    }

    private func exportOnlyFile(
        of source: SourceFolder, _ version: Version, to path: String, _ format: FileFormat,
        options: ExportOptions,
        progress: ProgressHandler?
    ) throws -> ExportResult {
        let (folder, name) = FilePath.split(path)
        let attachments = options.includesAttachments ? try attachments(of: version) : []
        var output = FolderOutput(folder, mayReplace: options.mayReplace)
        try output.write([name] + attachments.map(\.name)) { output in
            try source.restore(
                0, to: path, mayReplace: options.mayReplace, verifiesHashes: options.verifiesHashes,
                progress: progress)
            try output.write(attachments)
        }
        return ExportResult(
            version: version, path: path, format: format, isSourceFile: true, omitted: [], files: [name],
            attachments: attachments.map(\.name))
    }
}
