import Formats
import Foundations
import ModelRegistry
import Tensors

extension ModelSource {
    /// The file, or the files one after the other, to be kept so that they can be given back; `nil` where they are made anew.
    var sourceFile: SourceFile? {
        if let file {
            var source = SourceFile(
                name: fileName, format: file.format.rawValue, file: file.file,
                storages: file.storages.map { ($0.range, $0.storage) }, metadata: file.metadata)
            // There is no other way back to these than their own bytes.
            switch file.format {
            case .gguf: source.literalLimit = GGUFHeader.maximumByteCount
            case .pickle, .pytorch: source.literalLimit = file.pickleByteCount
            case .safetensors, .npy, .npz: break
            }
            return source
        }
        guard let split else { return nil }
        var storages: [(range: Range<Int>, storage: Storage)] = []
        var start = 0
        for part in split.parts {
            storages += part.storages.map {
                ($0.range.lowerBound + start..<$0.range.upperBound + start, $0.storage)
            }
            start += part.file.byteCount
        }
        var source = SourceFile(
            name: fileName, format: FileFormat.gguf.rawValue, files: split.parts.map(\.file),
            storages: storages,
            metadata: [:])
        source.literalLimit = GGUFHeader.maximumByteCount
        return source
    }
}
