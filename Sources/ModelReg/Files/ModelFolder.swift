public import Formats
public import Foundations
import Glibc
import OrderedCollections

/// The folder of a model, as the Hugging Face libraries make them.
struct ModelFolder {
    private let path: String
    private let names: [String]
    /// Names that are not UTF-8, for people: no attachment can be called so.
    private let unnamed: [String]

    /// Whether there is a folder at `path`.
    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    init(_ path: String) throws {
        self.path = path.hasSuffix("/") ? path : path + "/"
        guard let folder = opendir(path) else { throw FileError(path: path, operation: .open, code: errno) }
        defer { closedir(folder) }
        var names: [String] = []
        var unnamed: [String] = []
        while let entry = readdir(folder) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { [UInt8]($0.prefix { $0 != 0 }) }
            // Hidden files are notes of programs, not parts of the model.
            if bytes.first == UInt8(ascii: ".") { continue }
            if let name = String(validating: bytes, as: UTF8.self) {
                names.append(name)
            } else {
                unnamed.append(printable(bytes: bytes))
            }
        }
        self.names = names.sorted()
        self.unnamed = unnamed.sorted()
    }

    /// The weights of the folder, with its other files.
    func source() throws -> ModelSource {
        let weights = try weights()
        if weights.hasSuffix(SafetensorsShards.indexSuffix) {
            let model = try ShardedSafetensors.read(indexPath: path + weights)
            let (attachments, omitted) = try attachments(except: Set(model.shardNames + [weights]))
            return try ModelSource(model, name: weights, attachments: attachments, omitted: omitted)
        }
        let file = try CheckpointFile.read(path: path + weights)
        let (attachments, omitted) = try attachments(except: [weights])
        return ModelSource(file, name: weights, attachments: attachments, omitted: omitted)
    }

    private static let torchName = "pytorch_model.bin"

    private func weights() throws -> String {
        for name in [SafetensorsShards.fileName, SafetensorsShards.indexName] where names.contains(name) {
            return name
        }
        let indices = names.filter { $0.hasSuffix(SafetensorsShards.indexSuffix) }
        if indices.count == 1 { return indices[0] }
        let files = names.filter { $0.hasSuffix(".safetensors") }
        if files.count == 1 { return files[0] }
        guard files.isEmpty, indices.isEmpty else { throw ModelFolderError.severalFiles(indices + files) }
        if names.contains(ModelFolder.torchName) { return ModelFolder.torchName }
        let torchIndex = ModelFolder.torchName + ".index.json"
        throw names.contains(torchIndex) ? ModelFolderError.torchIndex : ModelFolderError.noWeights
    }

    /// The small files of the folder, and the names of what is left out.
    private func attachments(
        except weights: Set<String>
    ) throws -> (OrderedDictionary<String, [UInt8]>, omitted: [String]) {
        var attachments: OrderedDictionary<String, [UInt8]> = [:]
        var omitted: [String] = []
        var total = 0
        for name in names where !weights.contains(name) {
            var status = stat()
            guard stat(path + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                omitted.append(ModelFolder.isFolder(path + name) ? name + "/" : name)
                continue
            }
            let byteCount = Int(status.st_size)
            guard !ModelFolder.isWeights(name), byteCount <= ModelSource.maximumAttachmentByteCount,
                total + byteCount <= ModelSource.maximumAttachmentsByteCount,
                attachments.count < ModelSource.maximumAttachmentCount
            else {
                omitted.append(name)
                continue
            }
            attachments[name] = try MappedFile(path: path + name).withUnsafeBytes { [UInt8]($0) }
            total += byteCount
        }
        return (attachments, omitted + unnamed)
    }

    /// Whether `name` is that of other weights, or of their index: without them it would mislead.
    private static func isWeights(_ name: String) -> Bool {
        let endings = [
            ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf", ".ot", ".npz",
            ".tflite", ".index.json",
        ]
        return endings.contains { name.hasSuffix($0) }
    }
}

/// A folder that is not that of one model.
public enum ModelFolderError: FormatError, Equatable {
    /// None of the files that weights are in.
    case noWeights
    /// Several, and nothing says which.
    case severalFiles([String])
    /// A PyTorch model in several files.
    case torchIndex

    /// The file that should be in the folder is not.
    public var category: ErrorCategory { .noInput }

    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .noWeights:
            "the folder has no weights: no model.safetensors, no index of several, no pytorch_model.bin"
        case .severalFiles(let names):
            "the folder has several safetensors files and no index of them; save one: "
                + names.prefix(5).map(quoted).joined(separator: ", ")
        case .torchIndex:
            "the folder has a PyTorch model in several files, which is not supported; save it as safetensors"
        }
    }
}
