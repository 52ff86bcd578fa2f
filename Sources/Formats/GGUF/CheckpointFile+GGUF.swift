import Checkpoints
import Foundations
import OrderedCollections
import Tensors

extension CheckpointFile {
    /// Reads `file` as GGUF: a plain dictionary of tensors in the order of the header.
    ///
    /// Quantised tensors are bytes, whose last axis counts bytes; the fact ``GGUFHeader/blockTypesKey`` has their
    /// types.
    static func readGGUF(_ file: MappedFile) throws -> CheckpointFile {
        let header = try file.withUnsafeBytes { try GGUFHeader($0) }
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        entries.reserveCapacity(header.entries.count)
        var storages: [StoredRange] = []
        var opaqueTypes: OrderedDictionary<String, String> = [:]
        for (key, entry) in header.entries {
            let storage = file.storage(of: entry.range)
            do {
                entries[key] = .tensor(try Tensor(storage: storage, dtype: entry.dtype, shape: entry.shape))
            } catch {
                throw GGUFError.tensor(name: entry.name, error)
            }
            if let type = entry.unknownType { opaqueTypes[entry.name] = "type \(type.number)" }
            if !entry.range.isEmpty { storages.append(StoredRange(range: entry.range, storage: storage)) }
        }
        return CheckpointFile(
            checkpoint: .dictionary(CheckpointDictionary(entries)), format: .gguf, facts: header.facts,
            opaqueTypes: opaqueTypes, file: file, storages: storages)
    }
}
