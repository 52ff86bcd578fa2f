public import Checkpoints
public import Foundations
public import OrderedCollections
public import Tensors

/// A checkpoint read from a file in one of the formats that people have.
///
/// The file is mapped, not read: tensors are views of it, and their bytes are read when they are used.
public struct CheckpointFile {
    /// What the file holds.
    public let checkpoint: Checkpoint

    /// The format it was in.
    public let format: FileFormat

    /// Texts beside the tensors (safetensors `__metadata__`), in the order of the file.
    public let metadata: OrderedDictionary<String, String>

    /// Facts beside the tensors that are more than texts (GGUF metadata): values are JSON texts.
    public let facts: OrderedDictionary<String, String>

    /// The tensors that are kept as bytes because nobody here knows what their elements are, by name, and what the file
    /// says of their type: `|V2`, `type 40`.
    public let opaqueTypes: OrderedDictionary<String, String>

    /// The keys among ``facts`` that have the types of tensors which are kept as bytes: objects from names to types.
    package static let typeFacts = [GGUFHeader.blockTypesKey, GGUFHeader.unknownTypesKey, opaqueTypesKey]

    /// The file itself, mapped.
    public let file: MappedFile

    /// Where the bytes of storages lie in the file: ascending and disjoint.
    ///
    /// Leaves out empty storages, and those that were compressed in the file and are not a part of it.
    public let storages: [StoredRange]

    /// The classes and functions that loading the file with Python would look up; none but for pickles.
    public let pickledNames: [PickledName]

    /// A storage that is a part of the file.
    public struct StoredRange {
        /// Offsets of its bytes in the file.
        public let range: Range<Int>
        /// The storage that tensors are views of.
        public let storage: Storage
    }

    /// Reads the file at `path`, whose format is recognised by its content, never by its name.
    ///
    /// The bytes of a pipe are first copied to a temporary file without a name.
    ///
    /// Tensors that share a storage in the file share one ``Storage``, with their strides and offsets.
    ///
    /// - Throws: `FileError` where the file cannot be read, `FileChangedError` where somebody wrote to it meanwhile; a ``FormatError`` where its bytes are not a
    ///   checkpoint that can be kept. Nothing in a file is ever executed.
    public static func read(path: String) throws -> CheckpointFile {
        let file = try PipedFile.map(path)
        do {
            guard var download = UnfinishedDownload(path: path) else { return try read(file) }
            do { _ = try read(file) } catch let error as any FormatError { download.problem = error }
            throw download
        } catch {
            // Half of one file and half of another are no checkpoint, and that is not the user's mistake.
            try file.requireUnchanged()
            throw error
        }
    }

    private static func read(_ file: MappedFile) throws -> CheckpointFile {
        try file.withUnsafeBytes { bytes in
            switch try FileSignature(bytes) {
            case .safetensors: return try readSafetensors(file)
            case .npy: return try readNumPy(file)
            case .legacyPyTorch: return try readLegacyPyTorch(file)
            case .gguf: return try readGGUF(file)
            case .pickle: return try readPickle(file)
            case .zip:
                let archive = try ZipArchive(bytes)
                if archive.isNumPyArchive { return try readNumPyArchive(archive, file) }
                if !archive.isPyTorchArchive, case let members = archive.checkpoints, !members.isEmpty {
                    throw UnsupportedFormat.archive("a zip", members: members)
                }
                return try readPyTorch(archive, file)
            }
        }
    }

    init(
        checkpoint: Checkpoint, format: FileFormat, metadata: OrderedDictionary<String, String> = [:],
        facts: OrderedDictionary<String, String> = [:], opaqueTypes: OrderedDictionary<String, String> = [:],
        file: MappedFile, storages: [StoredRange], pickledNames: [PickledName] = []
    ) {
        self.checkpoint = checkpoint
        self.format = format
        self.metadata = metadata
        self.facts = facts
        self.opaqueTypes = opaqueTypes
        self.file = file
        self.pickledNames = pickledNames
        self.storages = storages.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }
}

extension CheckpointFile {
    /// Most bytes outside of tensors that are kept to give a pickle back.
    private static let maximumPickleByteCount = 512 << 20

    /// Bytes to keep beside the tensors, so that a pickle comes back as it was: all that is in no storage.
    package var pickleByteCount: Int {
        let stored = storages.reduce(0) { $0 + $1.range.count }
        return min(file.byteCount - stored + (1 << 20), CheckpointFile.maximumPickleByteCount)
    }
}
