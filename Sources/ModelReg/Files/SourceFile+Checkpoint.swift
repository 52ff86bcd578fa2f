import Formats
import ModelRegistry
import Tensors

extension SourceFile {
    /// What is kept so that a checkpoint file comes back byte for byte.
    init(_ file: CheckpointFile, name: String) {
        self.init(
            name: name, format: file.format.rawValue, file: file.file,
            storages: file.storages.map { ($0.range, $0.storage) }, metadata: file.metadata)
        literalLimit = file.literalLimit
    }
}

extension CheckpointFile {
    /// Bytes outside of tensors that are worth keeping to give the file back; `nil` for a small part of it.
    ///
    /// There is no other way back to GGUF and pickles than their own bytes.
    var literalLimit: Int? {
        switch format {
        case .gguf: GGUFHeader.maximumByteCount
        case .pickle, .pytorch: pickleByteCount
        case .safetensors, .npy, .npz: nil
        }
    }
}
