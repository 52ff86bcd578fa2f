import Checkpoints
import Foundations
import OrderedCollections
import Tensors

extension CheckpointFile {
    /// Reads `file` as safetensors: a plain dictionary of tensors in the order of the header.
    static func readSafetensors(_ file: MappedFile) throws -> CheckpointFile {
        let header = try file.withUnsafeBytes { try SafetensorsHeader($0) }
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        entries.reserveCapacity(header.entries.count)
        var storages: [StoredRange] = []
        for (key, entry) in header.entries {
            let storage = file.storage(of: entry.range)
            do {
                let tensor = try Tensor(storage: storage, dtype: entry.dtype, shape: entry.shape)
                entries[key] = .tensor(tensor)
            } catch {
                throw SafetensorsError.tensor(name: entry.name, error)
            }
            if !entry.range.isEmpty { storages.append(StoredRange(range: entry.range, storage: storage)) }
        }
        return CheckpointFile(
            checkpoint: .dictionary(CheckpointDictionary(entries)), format: .safetensors,
            metadata: header.metadata, file: file, storages: storages)
    }
}
