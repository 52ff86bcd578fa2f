import Checkpoints
public import Formats
import Foundations
public import ModelRegistry
import OrderedCollections
import Tensors

extension Registry {
    /// Saves a checkpoint file as the next version of a model.
    ///
    /// The format is recognised by content. The file is mapped, not read, and what is needed to write it again byte
    /// for byte is kept where that is a small part of it. A folder, or the index of several files, is one version with all
    /// that is in it; see ``ModelSource``.
    ///
    /// - Parameters:
    ///   - path: A file that PyTorch, safetensors, NumPy or llama.cpp wrote, or a folder.
    ///   - model: The model's name.
    ///   - options: Message, aliases, metrics and the like; its source file is set by this call.
    /// - Throws: ``FormatError`` for a file that is not what it claims, ``FileError``, ``RegistryError``.
    @discardableResult
    public func saveFile(
        _ path: String, as model: String, options: SaveOptions = SaveOptions(), progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        try saveModel(ModelSource.read(path), as: model, options: options, progress: progress)
    }

    /// Saves a checkpoint file that has been read already.
    ///
    /// - Parameter path: What the file is called; its last part is kept.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func saveFile(
        _ file: CheckpointFile, named path: String, as model: String, options: SaveOptions = SaveOptions(),
        progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        try saveModel(
            ModelSource(file, name: FilePath.name(path)), as: model, options: options, progress: progress)
    }

    /// Saves a file, or the files of a folder, that have been read already.
    ///
    /// Attachments of `options` take precedence over those of `source` with the same name.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func saveModel(
        _ source: ModelSource, as model: String, options: SaveOptions = SaveOptions(),
        progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        var options = options
        options.sourceFile = source.sourceFile
        let dangerous = source.pickledNames.map { file in
            (file: file.file, names: file.names.filter { $0.risk == .dangerous }.map(\.name))
        }.filter { !$0.names.isEmpty }
        if let first = dangerous.first {
            guard options.allowsUnsafe else {
                throw UnsafeFileError(first.names, file: source.file == nil ? first.file : nil)
            }
            options.attributes[UnsafeFileError.attribute] = AttributeValue(
                dangerous.flatMap(\.names).prefix(100).map { AttributeValue($0.description) })
        }
        options.fileFacts = source.fileFacts
        options.attachments = source.attachments.merging(options.attachments) { $1 }
        return try save(source.checkpoint, as: model, options: options, progress: progress)
    }

    /// Writes a version, or part of it, to a file.
    ///
    /// In the format that the version came from, all of it is the very file that was saved, byte for byte, where
    /// that was kept. Otherwise the file is made anew. Memory stays bounded: chunks are decoded into the file.
    ///
    /// - Parameters:
    ///   - reference: Which version; see ``VersionReference``.
    ///   - path: Where to write; `nil` for the name of the file it came from, in the current folder. Where it is a
    ///     folder, or ends in `/`, the version becomes the folder of a model: weights and attachments.
    ///   - options: Format, selection and checks.
    /// - Returns: What was written.
    /// - Throws: ``RegistryError``, ``FileError``, ``FormatError``; then there is no file at `path` that was not
    ///   there before.
    @discardableResult
    public func exportFile(
        _ reference: String, to path: String? = nil, options: ExportOptions = ExportOptions(),
        progress: ProgressHandler? = nil
    ) throws -> ExportResult {
        let version = try version(reference)
        let details = try details(of: version)
        var result = try exportFile(version, details.sourceFile, to: path, options: options, progress: progress)
        if !result.isSourceFile, let format = result.format {
            result.loss = ExportLoss(details, as: format, only: options.patterns)
        }
        return result
    }

    private func exportFile(
        _ version: Version, _ source: VersionDetails.Source?, to path: String?, options: ExportOptions,
        progress: ProgressHandler?
    ) throws -> ExportResult {
        let origin = try source.map { try SourceOrigin($0, of: version) }
        let format = options.format ?? path.flatMap(FileFormat.init(path:)) ?? origin?.format ?? .safetensors
        if let rows = options.rows {
            return try exportRows(rows, of: version, to: path, format: format, options: options)
        }
        let isSource = options.isWhole && origin?.gives(format, options) == true
        if origin == .folder, options.givesFiles,
            let result = try exportSource(version, to: path, options: options, progress: progress)
        {
            return result
        }
        if format == .gguf, options.isWhole, let parts = try splitParts(of: version, source) {
            return try exportSplit(version, parts, to: path, options: options, progress: progress)
        }
        let isFolder = path.map(FilePath.isFolder) ?? false
        if isFolder || options.shardByteCount != nil {
            return try exportFolder(
                version, to: path ?? FilePath.name(version.model), format: format,
                source: isSource ? source : nil, options: options, progress: progress)
        }
        let target =
            path ?? (isSource ? FilePath.plainName(source?.name) : nil)
            ?? FilePath.name(version.model) + "." + format.fileExtension
        guard options.includesAttachments else {
            let (isRestored, omitted) = try exportWeights(
                version, to: target, format: format, isSource: isSource, options: options, progress: progress)
            return ExportResult(
                version: version, path: target, format: isRestored ? origin?.format : format,
                isSourceFile: isRestored, omitted: omitted, files: [FilePath.name(target)], attachments: [])
        }
        let attachments = try attachments(of: version)
        let (folder, name) = FilePath.split(target)
        var output = FolderOutput(folder, mayReplace: options.mayReplace)
        let (isRestored, omitted) = try output.write([name] + attachments.map(\.name)) { output in
            let result = try exportWeights(
                version, to: target, format: format, isSource: isSource, options: options, progress: progress)
            try output.write(attachments)
            return result
        }
        return ExportResult(
            version: version, path: target, format: isRestored ? origin?.format : format,
            isSourceFile: isRestored, omitted: omitted, files: [name], attachments: attachments.map(\.name))
    }

    /// Writes the file that a version came from where that is asked for and possible, else a new one.
    private func exportWeights(
        _ version: Version, to path: String, format: FileFormat, isSource: Bool, options: ExportOptions,
        progress: ProgressHandler?
    ) throws -> (isSource: Bool, omitted: [String]) {
        if isSource,
            try restoreSourceFile(
                of: version, to: path, mayReplace: options.mayReplace, verifiesHashes: options.verifiesHashes,
                progress: progress)
        {
            return (true, [])
        }
        return (
            false, try exportAnew(version, to: path, format: format, options: options, progress: progress)
        )
    }
}

/// How to write a version to a file.
public struct ExportOptions: Sendable {
    /// The format; `nil` to go by the path's ending, then by the version's own.
    public var format: FileFormat?
    /// Paths to write, such as `encoder.*`; everything where there are none.
    public var patterns: [String]
    /// Rows of the first axis to write, of the one tensor that `patterns` names; `nil` for all of everything.
    public var rows: Range<Int>?
    /// Whether nested names are joined by `.` where the format is flat, and ties dissolved.
    public var flattens: Bool
    /// Whether to write the state dict within the checkpoint, and nothing else; `nil` for the checkpoint as it is.
    public var stateDict: StateDictPlace?
    /// Whether a file that is there already gives way.
    public var mayReplace: Bool
    /// Whether to check each chunk's SHA-256 and not only its checksum.
    public var verifiesHashes: Bool
    /// Most bytes of tensors in one file: the version becomes a folder of safetensors files with an index. `nil`:
    /// one file.
    public var shardByteCount: Int?
    /// Whether to write attachments beside the file. A folder always has them.
    public var includesAttachments: Bool

    /// Where a state dict is.
    public enum StateDictPlace: Equatable, Sendable {
        /// Where it is found; see `StateDictSearch`.
        case found
        /// At a path, such as `model`.
        case at(String)
    }

    /// Options as they are unless said otherwise.
    public init(
        format: FileFormat? = nil, patterns: [String] = [], rows: Range<Int>? = nil, flattens: Bool = false,
        mayReplace: Bool = false, verifiesHashes: Bool = false, shardByteCount: Int? = nil,
        includesAttachments: Bool = false
    ) {
        self.shardByteCount = shardByteCount
        self.includesAttachments = includesAttachments
        self.format = format
        self.patterns = patterns
        self.rows = rows
        self.flattens = flattens
        self.mayReplace = mayReplace
        self.verifiesHashes = verifiesHashes
    }
}

/// A file that was written.
public struct ExportResult: Sendable {
    /// The version in it.
    public let version: Version
    /// Where it is.
    public let path: String
    /// Its format; `nil` for a file that is kept as it is.
    public let format: FileFormat?
    /// Whether it is, byte for byte, the file that the version was saved from.
    public let isSourceFile: Bool
    /// The paths of plain values that a flat file has no place for.
    public let omitted: [String]
    /// Whether it is a folder, all of it as it was saved.
    public internal(set) var isFolder = false
    /// Names of the files with weights: one, or several in a folder.
    public let files: [String]
    /// Names of the other files that were written: attachments, and the index of several files.
    public let attachments: [String]
    /// The facts that the version's own file has, and the one that was written does not.
    public internal(set) var loss = ExportLoss.none
}

enum FilePath {
    /// The last part of a path.
    static func name(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Whether a path is to be a folder: it says so, or is one.
    static func isFolder(_ path: String) -> Bool { path.hasSuffix("/") || ModelFolder.isFolder(path) }

    /// The folder of a path with its slash, and the name in it.
    static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("./", path) }
        let start = path.utf8.index(after: slash)
        return (String(path[..<start]), String(path[start...]))
    }

    /// `name` where it can only be a file within a folder: it comes from a registry, which may be anybody's.
    static func plainName(_ name: String?) -> String? {
        guard let name, !name.isEmpty, name != ".", name != "..", !name.utf8.contains(0),
            !name.utf8.contains(UInt8(ascii: "/"))
        else { return nil }
        return name
    }
}
