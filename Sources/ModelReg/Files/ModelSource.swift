public import Checkpoints
public import Formats
import Foundations
public import ModelRegistry
public import OrderedCollections
import Tensors

/// What a model is saved from: a file, the index or a part of a model in several files, or a folder with all that is in it.
public struct ModelSource {
    /// All tensors and values.
    public let checkpoint: Checkpoint

    /// The checkpoint file that they are in; `nil` for several files, and for one that is kept as it is.
    public let file: CheckpointFile?

    /// The name of the file or folder; of a split GGUF model, that of its first file.
    public let fileName: String

    /// Facts that the file carries; of a folder, those of its only set of weights.
    public let fileFacts: Attributes

    /// Small texts beside the weights, by their names below the folder: configuration, tokenizer, indices.
    public let attachments: OrderedDictionary<String, [UInt8]>

    /// Names of what else is in the folder, and is not kept because somebody said so, or because it holds no bytes.
    public let omitted: [String]

    /// The tensors that are kept as bytes because their types are not known, by name, and what the file says of each.
    public let opaqueTypes: OrderedDictionary<String, String>

    /// Names of the files of a folder that are kept as they are, because they are no checkpoints.
    public let opaqueNames: [String]

    /// What a user should know of the files, one line each.
    public let notes: [String]

    /// The classes and functions that loading each file with Python would look up, by its name; none but for pickles,
    /// of which some are found in files that are kept as they are.
    public let pickledNames: [(file: String, names: [PickledName])]

    /// Names of the files of a folder that are no attachments.
    private let folderNames: [String]

    /// What is kept so that all comes back byte for byte.
    let sourceFile: SourceFile

    /// Reads the file or folder at `path`.
    ///
    /// A file is recognised by its content; it may be a pipe. One part of a split GGUF model stands for all. In a
    /// folder, links are followed, and each file is what its content says:
    /// checkpoints give tensors and values, small texts are attachments, and all others are kept as they are; see
    /// `Checkpoint.opaqueFile(_:)`. Where one file, or the files of one index, have all tensors, these have the names that
    /// they have in the file. Otherwise the paths of each file begin with its name below the folder.
    ///
    /// - Parameter patterns: What to leave out of a folder, as `.gitignore` says it: `*.tmp`, `logs/`, `/onnx/*.bin`.
    ///   Its file `.modelregignore` has others, one a line.
    /// - Throws: ``FormatError`` for what is not what it claims, ``FileError``.
    public static func read(_ path: String, excluding patterns: [String] = []) throws -> ModelSource {
        if ModelFolder.isFolder(path) { return ModelSource(try ModelFolder(path, excluding: patterns)) }
        do {
            let file = try CheckpointFile.read(path: path)
            if let split = try SplitGGUF.read(partOf: file, at: path) { return ModelSource(split) }
            // A place in /dev is no name to give back.
            let name = path.hasPrefix("/dev/") ? "stdin.\(file.format.fileExtension)" : FilePath.name(path)
            return ModelSource(file, name: name)
        } catch UnsupportedFormat.index where !path.hasPrefix("/dev/") && !PipedFile.isPipe(path) {
            return ModelSource(try ModelFolder(indexPath: path))
        }
    }

    /// Takes the file at `path` as it is, whatever it is: as an opaque file; see `Checkpoint.opaqueFile(_:)`.
    ///
    /// - Throws: ``FileError``.
    public static func readOpaque(_ path: String) throws -> ModelSource {
        try ModelSource(opaque: MappedFile(path: path), name: FilePath.name(path))
    }

    /// Longest text of a folder that is kept as an attachment, beside indices.
    public static let maximumAttachmentByteCount = 1 << 20

    /// Longest index of a folder that is kept as an attachment.
    public static let maximumIndexByteCount = 64 << 20

    /// Most files of a folder that are kept as attachments.
    public static let maximumAttachmentCount = 1024

    /// Most bytes of all of them.
    public static let maximumAttachmentsByteCount = 128 << 20

    /// A single file.
    public init(_ file: CheckpointFile, name: String) {
        checkpoint = file.checkpoint
        self.file = file
        opaqueTypes = file.opaqueTypes
        fileName = name
        fileFacts = file.facts.mapValues { AttributeValue(trusted: $0) }
        attachments = [:]
        omitted = []
        opaqueNames = []
        notes = []
        folderNames = []
        pickledNames = [(name, file.pickledNames)]
        sourceFile = SourceFile(file, name: name)
    }

    /// The files of a split GGUF model, under the name of the first.
    private init(_ split: SplitGGUF) {
        checkpoint = split.checkpoint
        file = nil
        fileName = split.partNames[0]
        fileFacts = split.facts.mapValues { AttributeValue(trusted: $0) }
        opaqueTypes = split.opaqueTypes
        attachments = [:]
        omitted = []
        opaqueNames = []
        notes = []
        folderNames = []
        pickledNames = []
        sourceFile = SourceFile(split)
    }

    /// A file that is kept as it is.
    private init(opaque file: MappedFile, name: String) throws {
        let bytes = file.storage(of: 0..<file.byteCount)
        checkpoint = .opaqueFile(try Tensor(storage: bytes, dtype: .uint8, shape: [file.byteCount]))
        self.file = nil
        opaqueTypes = [:]
        fileName = name
        fileFacts = [:]
        attachments = [:]
        omitted = []
        opaqueNames = []
        notes = []
        folderNames = []
        pickledNames = [(name, PickledName.scan(file))]
        sourceFile = SourceFile(
            name: name, format: SourceFile.opaqueFormat, file: file,
            storages: file.byteCount > 0 ? [(0..<file.byteCount, bytes)] : [], metadata: [:])
    }

    /// The files of a folder.
    private init(_ folder: ModelFolder) {
        checkpoint = folder.contents.checkpoint
        file = nil
        opaqueTypes = [:]
        fileName = folder.name
        let weights = folder.contents.weights
        fileFacts = (weights.count == 1 ? weights[0].source?.facts ?? [:] : [:]).mapValues {
            AttributeValue(trusted: $0)
        }
        attachments = folder.reader.attachments
        omitted = folder.omitted
        opaqueNames = folder.reader.opaqueNames
        notes = folder.notes
        folderNames = folder.reader.members.map(\.name)
        pickledNames = folder.reader.pickledNames
        sourceFile = folder.sourceFile
    }

    /// Whether it is a folder, or the files of an index, and not one file.
    public var isFolder: Bool { sourceFile.format == SourceFile.folderFormat }

    /// Whether a file of the folder has this name.
    public func contains(fileNamed name: String) -> Bool {
        attachments[name] != nil || isFolder && folderNames.contains { $0.hasSameBytes(as: name) }
    }

    /// Texts beside the tensors of a file (safetensors `__metadata__`); of a folder, those of its only set of weights.
    public var metadata: OrderedDictionary<String, String> { sourceFile.metadata }
}
