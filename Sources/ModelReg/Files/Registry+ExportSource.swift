import Formats
import Foundations
import ModelRegistry

extension Registry {
    /// Writes the folder that a version was saved from again, or those of its files that are asked for.
    ///
    /// - Parameter path: A folder; `nil` for one of the name that it had, in the current folder. Where one file alone is
    ///   asked for, a file; one that ends as checkpoint files do stands for the only file of its format.
    /// - Returns: `nil` where other files, or parts of files, are asked for, or the folder cannot be given back.
    func exportSource(
        _ version: Version, to path: String?, options: ExportOptions, progress: ProgressHandler?
    ) throws -> ExportResult? {
        guard let source = try sourceFolder(of: version) else { return nil }
        var files = Array(source.files.indices)
        var attachments = try attachments(of: version)
        if !options.patterns.isEmpty {
            let selection = FolderSelection(
                options.patterns, files: source.files.map(\.name), attachments: attachments.map(\.name),
                paths: try manifest(of: version.reference).leaves.map(\.path))
            guard let selection else { return nil }
            files = selection.files
            attachments = attachments.filter { attachment in
                selection.attachments.contains { $0.hasSameBytes(as: attachment.name) }
            }
        }
        let only = files.map { source.files[$0].name } + attachments.map(\.name)
        let path = path ?? (options.patterns.isEmpty || only.count != 1 ? nil : FilePath.name(only[0]))
        if let path, !FilePath.isFolder(path) {
            if let format = FileFormat(path: path) {
                files = files.filter { FileFormat(path: source.files[$0].name) == format }
                // Beside others, the weights are those of all files, unless one is named.
                guard files.count == 1, !options.patterns.isEmpty || source.files.count == 1 else { return nil }
                return try exportFile(
                    files[0], of: source, beside: options.includesAttachments ? attachments : [], version,
                    to: path,
                    options: options, progress: progress)
            }
            if !options.patterns.isEmpty, files.count == 1, attachments.isEmpty {
                return try exportFile(
                    files[0], of: source, beside: [], version, to: path, options: options, progress: progress)
            }
            if !options.patterns.isEmpty, files.isEmpty, attachments.count == 1 {
                try OutputFile.write(attachments[0].bytes, to: path, mayReplace: options.mayReplace)
                return ExportResult(
                    version: version, path: path, format: nil, isSourceFile: true, omitted: [], files: [],
                    attachments: [FilePath.name(path)])
            }
        }
        let name = path ?? FilePath.plainName(source.name) ?? FilePath.name(version.model)
        let folder = name.hasSuffix("/") ? name : name + "/"
        var output = FolderOutput(folder, mayReplace: options.mayReplace)
        try output.write(files.map { source.files[$0].name } + attachments.map(\.name)) { output in
            let total = files.reduce(0) { $0 + source.files[$1].byteCount }
            var done = 0
            for index in files {
                let (file, before) = (source.files[index], done)
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
            files: files.map { source.files[$0].name }, attachments: attachments.map(\.name))
        result.isFolder = options.patterns.isEmpty
        return result
    }

    private func exportFile(
        _ index: Int, of source: SourceFolder, beside attachments: [(name: String, bytes: [UInt8])],
        _ version: Version, to path: String, options: ExportOptions, progress: ProgressHandler?
    ) throws -> ExportResult {
        let (folder, name) = FilePath.split(path)
        var output = FolderOutput(folder, mayReplace: options.mayReplace)
        try output.write([name] + attachments.map(\.name)) { output in
            try source.restore(
                index, to: path, mayReplace: options.mayReplace, verifiesHashes: options.verifiesHashes,
                progress: progress)
            try output.write(attachments)
        }
        return ExportResult(
            version: version, path: path, format: FileFormat(path: source.files[index].name),
            isSourceFile: true,
            omitted: [], files: [name], attachments: attachments.map(\.name))
    }
}
