import Checkpoints
public import Formats
public import ModelRegistry
import OrderedCollections
import Tensors

extension Registry {
    /// Saves a checkpoint file as the next version of a model.
    ///
    /// The format is recognised by content. The file is mapped, not read, and what is needed to write it again byte
    /// for byte is kept where that is a small part of it.
    ///
    /// - Parameters:
    ///   - path: A file that PyTorch or safetensors wrote.
    ///   - model: The model's name.
    ///   - options: Message, aliases, metrics and the like; its source file is set by this call.
    /// - Throws: ``FormatError`` for a file that is not what it claims, ``FileError``, ``RegistryError``.
    @discardableResult
    public func saveFile(
        _ path: String, as model: String, options: SaveOptions = SaveOptions(), progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        try saveFile(
            CheckpointFile.read(path: path), named: path, as: model, options: options, progress: progress)
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
        var options = options
        options.sourceFile = SourceFile(
            name: FilePath.name(path), format: file.format.rawValue, file: file.file,
            storages: file.storages.map { ($0.range, $0.storage) }, metadata: file.metadata)
        return try save(file.checkpoint, as: model, options: options, progress: progress)
    }

    /// Writes a version, or part of it, to a file.
    ///
    /// In the format that the version came from, all of it is the very file that was saved, byte for byte, where
    /// that was kept. Otherwise the file is made anew. Memory stays bounded: chunks are decoded into the file.
    ///
    /// - Parameters:
    ///   - reference: Which version; see ``VersionReference``.
    ///   - path: Where to write; `nil` for the name of the file it came from, in the current folder.
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
        let source = try details(of: version).sourceFile
        let sourceFormat = source.flatMap { FileFormat(rawValue: $0.format) }
        let format = options.format ?? path.flatMap(FileFormat.init(path:)) ?? sourceFormat ?? .safetensors
        if let rows = options.rows {
            return try exportRows(rows, of: version, to: path, format: format, options: options)
        }
        let isSource = options.patterns.isEmpty && !options.flattens && format == sourceFormat
        let target =
            path ?? (isSource ? source?.name : nil) ?? FilePath.name(version.model) + "." + format.fileExtension
        if isSource,
            try restoreSourceFile(
                of: version, to: target, mayReplace: options.mayReplace, verifiesHashes: options.verifiesHashes,
                progress: progress)
        {
            return ExportResult(version: version, path: target, format: format, isSourceFile: true, omitted: [])
        }
        let omitted = try exportAnew(version, to: target, format: format, options: options, progress: progress)
        return ExportResult(
            version: version, path: target, format: format, isSourceFile: false, omitted: omitted)
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
    /// Whether a file that is there already gives way.
    public var mayReplace: Bool
    /// Whether to check each chunk's SHA-256 and not only its checksum.
    public var verifiesHashes: Bool

    /// Options as they are unless said otherwise.
    public init(
        format: FileFormat? = nil, patterns: [String] = [], rows: Range<Int>? = nil, flattens: Bool = false,
        mayReplace: Bool = false, verifiesHashes: Bool = false
    ) {
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
    /// Its format.
    public let format: FileFormat
    /// Whether it is, byte for byte, the file that the version was saved from.
    public let isSourceFile: Bool
    /// The paths of plain values that a flat file has no place for.
    public let omitted: [String]
}

enum FilePath {
    /// The last part of a path.
    static func name(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
