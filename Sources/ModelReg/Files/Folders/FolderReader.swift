import Checkpoints
import Formats
import Foundations
import ModelRegistry
import OrderedCollections
import Tensors

/// Tells what the files of a folder are: checkpoints, small files beside them, and others that are kept as they are.
///
/// Nothing is left out. What comes of a file depends on its bytes, and only of an index of several files on its name.
struct FolderReader {
    /// A file of the folder that is not an attachment.
    struct Member {
        let name: String
        /// What it holds: tensors and values, or the file itself.
        let checkpoint: Checkpoint
        let file: MappedFile
        let storages: [(range: Range<Int>, storage: Storage)]
        /// The checkpoint file; `nil` for one that is kept as it is.
        let source: CheckpointFile?
        /// Bytes in no tensor that is stored.
        let literalByteCount: Int
        let hasTensors: Bool
    }

    /// In the order of their names.
    private(set) var members: [Member] = []
    private(set) var attachments: OrderedDictionary<String, [UInt8]> = [:]
    /// Indices of several files by name, with the file of each tensor.
    private(set) var indices: [(name: String, map: OrderedDictionary<CheckpointKey, String>)] = []
    /// Names of the files that are kept as they are.
    private(set) var opaqueNames: [String] = []
    /// What a user should know, one line each.
    private(set) var notes: [String] = []

    /// The classes and functions that loading each file with Python would look up, by its name.
    private(set) var pickledNames: [(file: String, names: [PickledName])] = []

    private var attachedByteCount = 0
    private var literalByteCount = 0

    /// Most bytes outside of tensors that are kept of all files of one folder.
    static let maximumLiteralByteCount = 512 << 20

    /// Reads `files`.
    ///
    /// - Throws: ``BadFile`` for what stands in place of a file, `FileError`, `FileChangedError`.
    init(_ files: [FolderContents.File]) throws {
        for file in files { try read(file) }
    }

    private mutating func read(_ file: FolderContents.File) throws {
        var problem: (any FormatError)?
        do {
            if file.byteCount > 0 {
                let source = try CheckpointFile.read(path: file.path)
                let member = try Member(source, name: file.name)
                pickledNames.append((file.name, source.pickledNames))
                // What is not given back by its tensors is given back by its bytes, of which the registry holds so many.
                if member.literalByteCount <= limit(of: source) {
                    literalByteCount += member.literalByteCount
                    return members.append(member)
                }
                notes.append(
                    "\(printable(file.name, limit: 200)) has bytes that its tensors do not give back, and is kept as it is"
                )
            }
        } catch let error as any FormatError {
            problem = error
        }
        let bytes = try MappedFile(path: file.path)
        if bytes.withUnsafeBytes(GitLFSPointer.isPointer) {
            throw BadFile(path: file.name, error: UnsupportedFormat.lfsPointer(byteCount: nil))
        }
        // Where it is no checkpoint, it may be loaded as a pickle all the same.
        if pickledNames.last?.file.hasSameBytes(as: file.name) != true {
            pickledNames.append((file.name, PickledName.scan(bytes)))
        }
        if try attach(file, bytes) { return }
        if let problem, !FolderReader.isOfAnotherFormat(problem) {
            notes.append(
                "\(printable(file.name, limit: 200)) cannot be read as a checkpoint and is kept as it is: \(problem)"
            )
        }
        opaqueNames.append(file.name)
        members.append(try Member(opaque: bytes, name: file.name))
    }

    /// Whether an error says that a file is no checkpoint, and not that it is a bad one.
    private static func isOfAnotherFormat(_ error: any FormatError) -> Bool {
        error is UnsupportedFormat || error as? TorchArchiveError == .noPickle
    }

    private func limit(of file: CheckpointFile) -> Int {
        let own = file.literalLimit ?? max(1 << 20, file.file.byteCount / 8)
        return min(own, FolderReader.maximumLiteralByteCount - literalByteCount)
    }

    /// Keeps a small text beside the weights; an index may be longer.
    ///
    /// - Returns: `false` where the file is something else.
    private mutating func attach(_ file: FolderContents.File, _ bytes: MappedFile) throws -> Bool {
        let isIndex = file.name.hasSuffix(FolderReader.indexSuffix)
        let limit = isIndex ? ModelSource.maximumIndexByteCount : ModelSource.maximumAttachmentByteCount
        guard bytes.byteCount <= limit, attachments.count < ModelSource.maximumAttachmentCount,
            attachedByteCount + bytes.byteCount <= ModelSource.maximumAttachmentsByteCount,
            // Two names that look the same are one name to a dictionary of texts.
            attachments[file.name] == nil,
            bytes.withUnsafeBytes(FolderReader.isText)
        else { return false }
        if isIndex, let map = try? bytes.withUnsafeBytes({ try ShardedSafetensors.weightMap($0) }) {
            indices.append((file.name, map))
        }
        attachments[file.name] = bytes.withUnsafeBytes { [UInt8]($0) }
        attachedByteCount += bytes.byteCount
        return true
    }

    private static let indexSuffix = ".index.json"

    /// Whether `bytes` are a text: UTF-8 without control characters but those that lay out lines.
    private static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0C, 0x0D, 0x1B].contains($0) }
            && String(validating: bytes, as: UTF8.self) != nil
    }
}

extension FolderReader.Member {
    fileprivate init(_ source: CheckpointFile, name: String) throws {
        let plan = try SavePlan(source.checkpoint)
        let storages = Set(source.storages.map { ObjectIdentifier($0.storage) })
        let stored = plan.storedTensors.filter { storages.contains(ObjectIdentifier($0.storage)) }
        self.init(
            name: name, checkpoint: source.checkpoint, file: source.file,
            storages: source.storages.map { ($0.range, $0.storage) }, source: source,
            literalByteCount: source.file.byteCount - stored.reduce(0) { $0 + $1.byteCount },
            hasTensors: !plan.storedTensors.isEmpty)
    }

    fileprivate init(opaque file: MappedFile, name: String) throws {
        let bytes = file.storage(of: 0..<file.byteCount)
        self.init(
            name: name,
            checkpoint: .opaqueFile(try Tensor(storage: bytes, dtype: .uint8, shape: [file.byteCount])),
            file: file,
            storages: file.byteCount > 0 ? [(0..<file.byteCount, bytes)] : [], source: nil, literalByteCount: 0,
            hasTensors: false)
    }
}

/// What Git LFS leaves in place of a file whose bytes are elsewhere.
enum GitLFSPointer {
    static func isPointer(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count < 1024 && bytes.starts(with: "version https://git-lfs.github.com/spec/v".utf8)
    }
}
