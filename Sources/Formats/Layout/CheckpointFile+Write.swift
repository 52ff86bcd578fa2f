public import Checkpoints
public import OrderedCollections
import Tensors

extension CheckpointFile {
    /// Writes `checkpoint` to a new file at `path`.
    ///
    /// - Parameters:
    ///   - metadata: Texts beside the tensors, for formats that have them.
    ///   - mayReplace: Whether a file that is there already gives way.
    /// - Throws: `FileError` where the file exists or cannot be written; an error that says what the format cannot
    ///   hold. No file is left behind then.
    public static func write(
        _ checkpoint: Checkpoint, to path: String, as format: FileFormat,
        metadata: OrderedDictionary<String, String> = [:], mayReplace: Bool = false
    ) throws {
        switch format {
        case .safetensors:
            let tensors = try SafetensorsLayout.tensors(of: checkpoint)
            let entries = tensors.map {
                SafetensorsLayout.Entry(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
            }
            let layout = try SafetensorsLayout(entries, metadata: metadata)
            try layout.write(to: path, mayReplace: mayReplace) { copy(tensors.values, into: $0) }
        case .npy:
            guard case .tensor(let tensor, _) = checkpoint else {
                throw NumPyLayoutError.notTensor(NamedTensors.kind(of: checkpoint))
            }
            let layout = try NumPyLayout(dtype: tensor.dtype, shape: tensor.shape)
            try layout.write(to: path, mayReplace: mayReplace) { copy([tensor], into: $0) }
        case .npz:
            let tensors = try NumPyArchiveLayout.tensors(of: checkpoint)
            let entries = tensors.map {
                NumPyArchiveLayout.Entry(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
            }
            try NumPyArchiveLayout(entries).write(to: path, mayReplace: mayReplace) {
                copy(tensors.values, into: $0)
            }
        case .gguf: throw GGUFError.unwritable
        case .pickle: throw PickleFileError.unwritable
        case .pytorch:
            let (outline, storages) = CheckpointOutline.of(checkpoint)
            let layout = try PyTorchLayout(outline, storageByteCounts: storages.map(\.byteCount))
            try layout.write(to: path, mayReplace: mayReplace) { destinations in
                for (storage, destination) in zip(storages, destinations) {
                    storage.withUnsafeBytes { destination.copyMemory(from: $0) }
                }
            }
        }
    }

    private static func copy(
        _ tensors: some Collection<Tensor>, into destinations: [UnsafeMutableRawBufferPointer]
    ) {
        for (tensor, destination) in zip(tensors, destinations) { tensor.copyPackedBytes(into: destination) }
    }
}
