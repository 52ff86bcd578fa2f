public import Checkpoints
public import Formats
import Foundations
public import ModelRegistry
public import OrderedCollections
import Tensors

/// What a model is saved from: a checkpoint file, the index of a model in several files, or the folder of a model.
public struct ModelSource {
    /// All tensors and values.
    public let checkpoint: Checkpoint

    /// The file that they are in; `nil` where there are several.
    public let file: CheckpointFile?

    /// What the file is called; of several, their index.
    public let fileName: String

    /// Facts that the files carry.
    public let fileFacts: Attributes

    /// Small files beside the weights, by name: the index of several files, configuration, tokenizer.
    public let attachments: OrderedDictionary<String, [UInt8]>

    /// Names of what else is in the folder, and is not kept: other weights, large files, folders.
    public let omitted: [String]

    /// Whether several files are such as `exportFile` makes again, to the byte; `nil` for a single file.
    public let isReproducible: Bool?

    /// What is kept so that the file comes back byte for byte; `nil` where there are several.
    let sourceFile: SourceFile?

    /// Reads the file or folder at `path`.
    ///
    /// A file is recognised by its content. In a folder, the weights are `model.safetensors`, the files of its
    /// index, a single other safetensors file or index, or `pytorch_model.bin`, the first that is there; other
    /// files up to ``maximumAttachmentByteCount`` are attachments.
    ///
    /// - Throws: ``FormatError`` for what is not what it claims, ``FileError``.
    public static func read(_ path: String) throws -> ModelSource {
        if ModelFolder.isFolder(path) { return try ModelFolder(path).source() }
        do {
            let file = try CheckpointFile.read(path: path)
            return ModelSource(file, name: FilePath.name(path))
        } catch UnsupportedFormat.index {
            return try ModelSource(ShardedSafetensors.read(indexPath: path), name: FilePath.name(path))
        }
    }

    /// Takes the file at `path` as it is, whatever it is: as an opaque file; see `Checkpoint.opaqueFile(_:)`.
    ///
    /// - Throws: ``FileError``.
    public static func readOpaque(_ path: String) throws -> ModelSource {
        try ModelSource(opaque: MappedFile(path: path), name: FilePath.name(path))
    }

    /// Longest file of a folder that is kept as an attachment. Tokenizers have up to 40 MB.
    public static let maximumAttachmentByteCount = 64 << 20

    /// Most files of a folder that are kept.
    public static let maximumAttachmentCount = 256

    /// Most bytes of all of them.
    public static let maximumAttachmentsByteCount = 128 << 20

    /// A single file.
    public init(_ file: CheckpointFile, name: String) {
        self.init(file, name: name, attachments: [:], omitted: [])
    }

    init(
        _ file: CheckpointFile, name: String, attachments: OrderedDictionary<String, [UInt8]>, omitted: [String]
    ) {
        checkpoint = file.checkpoint
        self.file = file
        fileName = name
        fileFacts = file.facts.mapValues { AttributeValue(trusted: $0) }
        self.attachments = attachments
        self.omitted = omitted
        isReproducible = nil
        sourceFile = SourceFile(file, name: name)
    }

    /// A file that is kept as it is.
    private init(opaque file: MappedFile, name: String) throws {
        let bytes = file.storage(of: 0..<file.byteCount)
        checkpoint = .opaqueFile(try Tensor(storage: bytes, dtype: .uint8, shape: [file.byteCount]))
        self.file = nil
        fileName = name
        fileFacts = [:]
        attachments = [:]
        omitted = []
        isReproducible = nil
        sourceFile = SourceFile(
            name: name, format: SourceFile.opaqueFormat, file: file,
            storages: file.byteCount > 0 ? [(0..<file.byteCount, bytes)] : [], metadata: [:])
    }

    /// Several files with their index, which is kept as an attachment.
    init(
        _ model: ShardedSafetensors, name: String, attachments: OrderedDictionary<String, [UInt8]> = [:],
        omitted: [String] = []
    ) throws {
        checkpoint = model.checkpoint
        file = nil
        fileName = name
        fileFacts = model.metadata.mapValues { AttributeValue($0) }
        var attachments = attachments
        // Under a name that `exportFile` looks for.
        let indexName = name.hasSuffix(SafetensorsShards.indexSuffix) ? name : SafetensorsShards.indexName
        attachments[indexName] = model.index.withUnsafeBytes { [UInt8]($0) }
        self.attachments = attachments
        self.omitted = omitted
        isReproducible = try model.isReproducible()
        sourceFile = nil
    }
}
