import Formats
import Foundations
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

extension SourceFile {
    /// The files of a split GGUF model, one after the other.
    init(_ split: SplitGGUF) {
        var storages: [(range: Range<Int>, storage: Storage)] = []
        var start = 0
        for part in split.parts {
            storages += part.storages.map {
                ($0.range.lowerBound + start..<$0.range.upperBound + start, $0.storage)
            }
            start += part.file.byteCount
        }
        self.init(
            name: split.partNames[0], format: FileFormat.gguf.rawValue, files: split.parts.map(\.file),
            storages: storages, metadata: [:])
        literalLimit = GGUFHeader.maximumByteCount
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
