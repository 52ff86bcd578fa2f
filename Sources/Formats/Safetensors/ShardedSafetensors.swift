public import Checkpoints
public import Foundations
public import OrderedCollections
import Tensors

/// A model whose tensors are spread over several files of safetensors or PyTorch, read by its index.
///
/// The index (`model.safetensors.index.json`) has the file of each tensor under `weight_map`. The files lie beside it.
public struct ShardedSafetensors {
    /// All tensors: a plain dictionary in the order of the index.
    public let checkpoint: Checkpoint

    /// The files, in the order in which the index first names them.
    public let shards: [CheckpointFile]

    /// Names of the files, as the index has them; one for each of ``shards``.
    public let shardNames: [String]

    /// The index itself.
    public let index: MappedFile

    /// Texts beside the tensors of the first file. Files of one model usually have the same.
    public var metadata: OrderedDictionary<String, String> { shards.first?.metadata ?? [:] }

    /// Longest index that is read.
    public static let maximumIndexByteCount = SafetensorsHeader.maximumByteCount

    /// Most files of one model.
    public static let maximumShardCount = 4096

    /// Most tensors in all files together. The largest models have about a hundred thousand.
    public static let maximumTensorCount = 1 << 18

    /// Reads the model with the index at `path`.
    ///
    /// - Throws: `FileError` where a file is missing; ``BadFile`` where one is not what it should be;
    ///   ``ShardedSafetensorsError`` where index and files disagree:
    ///   each tensor of the index must be in its file, and each tensor of a file in the index.
    public static func read(indexPath path: String) throws -> ShardedSafetensors {
        let index = try MappedFile(path: path)
        let map = try index.withUnsafeBytes { try weightMap($0) }
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
        var shards: OrderedDictionary<String, CheckpointFile> = [:]
        var found = 0
        for shard in map.values where shards[shard] == nil {
            guard shards.count < maximumShardCount else { throw ShardedSafetensorsError.tooManyShards }
            let file = try BadFile.naming(shard) { try CheckpointFile.read(path: folder + shard) }
            guard file.format == .safetensors || file.format == .pytorch,
                case .dictionary(let tensors) = file.checkpoint
            else {
                throw ShardedSafetensorsError.notSafetensors(shard: shard)
            }
            for key in tensors.entries.keys {
                guard map[key] == shard else {
                    throw ShardedSafetensorsError.notInIndex(name: key.description, shard: shard)
                }
                found += 1
            }
            shards[shard] = file
        }
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        entries.reserveCapacity(map.count)
        for (name, shard) in map {
            guard case .dictionary(let tensors)? = shards[shard]?.checkpoint, let tensor = tensors.entries[name]
            else {
                throw ShardedSafetensorsError.notInShard(name: name.description, shard: shard)
            }
            entries[name] = tensor
        }
        return ShardedSafetensors(
            checkpoint: .dictionary(CheckpointDictionary(entries)), shards: Array(shards.values),
            shardNames: Array(shards.keys), index: index)
    }

    /// The file of each tensor, in the order of the index.
    package static func weightMap(_ index: UnsafeRawBufferPointer) throws -> OrderedDictionary<
        CheckpointKey, String
    > {
        guard index.count <= maximumIndexByteCount else {
            throw ShardedSafetensorsError.tooLong(byteCount: index.count)
        }
        var map: OrderedDictionary<CheckpointKey, String>?
        do {
            var json = JSONReader(index)
            try json.object { json, key in
                guard key == "weight_map" else { return try json.skipValue() }
                guard map == nil else { throw ShardedSafetensorsError.duplicateName(key) }
                map = try readMap(&json)
            }
            try json.end()
        } catch let error as JSONError {
            throw ShardedSafetensorsError.json(error)
        }
        guard let map else { throw ShardedSafetensorsError.noMap }
        return map
    }

    private static func readMap(_ json: inout JSONReader) throws -> OrderedDictionary<CheckpointKey, String> {
        var map: OrderedDictionary<CheckpointKey, String> = [:]
        try json.object { json, name in
            guard map.count < maximumTensorCount else { throw ShardedSafetensorsError.tooManyTensors }
            let shard = try json.string("the name of a file")
            // Beside the index, nowhere else.
            guard !shard.isEmpty, shard != ".", shard != "..", !shard.utf8.contains(UInt8(ascii: "/")),
                !shard.utf8.contains(0)
            else { throw ShardedSafetensorsError.shardName(shard) }
            guard map.updateValue(shard, forKey: .string(name)) == nil else {
                throw ShardedSafetensorsError.duplicateName(name)
            }
        }
        return map
    }
}

/// An index of safetensors files that is damaged, or that its files contradict.
public enum ShardedSafetensorsError: FormatError, Equatable {
    /// An index above ``ShardedSafetensors/maximumIndexByteCount``.
    case tooLong(byteCount: Int)
    /// An index that is not the JSON it should be.
    case json(JSONError)
    /// An index without `weight_map`.
    case noMap
    /// A name that appears twice.
    case duplicateName(String)
    /// More tensors than ``ShardedSafetensors/maximumTensorCount``.
    case tooManyTensors
    /// More files than ``ShardedSafetensors/maximumShardCount``.
    case tooManyShards
    /// A file name that leads out of the folder.
    case shardName(String)
    /// A file in another format.
    case notSafetensors(shard: String)
    /// A tensor that is not where the index says.
    case notInShard(name: String, shard: String)
    /// A tensor that the index does not have, or has elsewhere.
    case notInIndex(name: String, shard: String)

    /// One line, lower case, with both sides.
    public var description: String {
        switch self {
        case .tooLong(let byteCount):
            "index of \(byteCount) bytes; at most \(ShardedSafetensors.maximumIndexByteCount) are read"
        case .json(let error): "the index is not valid JSON: \(error)"
        case .noMap: "the file is JSON without \"weight_map\", and so no index of a model in several files"
        case .duplicateName(let name): "the index has \(quoted(name)) twice"
        case .tooManyTensors: "the index has more than \(ShardedSafetensors.maximumTensorCount) tensors"
        case .tooManyShards: "the index has more than \(ShardedSafetensors.maximumShardCount) files"
        case .shardName(let shard): "the index names the file \(quoted(shard)), which is not beside it"
        case .notSafetensors(let shard):
            "\(quoted(shard)) is no safetensors or PyTorch file of tensors, but the index names it"
        case .notInShard(let name, let shard):
            "\(quoted(name)) is not in \(quoted(shard)), where the index has it"
        case .notInIndex(let name, let shard):
            "\(quoted(name)) is in \(quoted(shard)), but not where the index says"
        }
    }
}
