public import Checkpoints
import Glibc
public import OrderedCollections
import Tensors

extension CheckpointFile {
    /// Writes `checkpoint` to a new file at `path`.
    ///
    /// - Parameters:
    ///   - metadata: Texts beside the tensors, for formats that have them.
    /// - Throws: `FileError` where the file exists or cannot be written; an error that says what the format cannot
    ///   hold. No file is left behind then.
    public static func write(
        _ checkpoint: Checkpoint, to path: String, as format: FileFormat,
        metadata: OrderedDictionary<String, String> = [:]
    ) throws {
        switch format {
        case .safetensors:
            let tensors = try SafetensorsLayout.tensors(of: checkpoint)
            let entries = tensors.map {
                SafetensorsLayout.Entry(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
            }
            let layout = try SafetensorsLayout(entries, metadata: metadata)
            try write(layout, to: path) { index, body in try tensors.values[index].withUnsafeBytes(body) }
        case .npy:
            guard case .tensor(let tensor, _) = checkpoint else {
                throw NumPyLayoutError.notTensor(NamedTensors.kind(of: checkpoint))
            }
            let layout = try NumPyLayout(dtype: tensor.dtype, shape: tensor.shape)
            try write(layout, to: path) { _, body in try tensor.withUnsafeBytes(body) }
        case .npz:
            let tensors = try NumPyArchiveLayout.tensors(of: checkpoint)
            let entries = tensors.map {
                NumPyArchiveLayout.Entry(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
            }
            try write(try NumPyArchiveLayout(entries), to: path) { index, body in
                try tensors.values[index].withUnsafeBytes(body)
            }
        case .pytorch:
            let (outline, storages) = CheckpointOutline.of(checkpoint)
            let layout = try PyTorchLayout(outline, storageByteCounts: storages.map(\.byteCount))
            try write(layout, to: path) { index, body in try storages[index].withUnsafeBytes(body) }
        }
    }

    /// Writes a file as `layout` says, with the bytes of range number `index` from `bytes(index, body)`.
    private static func write(
        _ layout: some FileLayout, to path: String,
        bytes: (_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let file = try NewFile(path: path)
        for literal in layout.literals { try file.write(literal.bytes, at: literal.offset) }
        var checksums: [UInt32] = []
        for (index, range) in layout.ranges.enumerated() {
            try bytes(index) { bytes in
                try file.write(bytes, at: range.lowerBound)
                if layout.hasChecksums { checksums.append(CRC32(bytes).value) }
            }
        }
        for literal in layout.checksumLiterals(crc32s: checksums) {
            try file.write(literal.bytes, at: literal.offset)
        }
        try file.finish()
    }
}

/// A file that is there only once it is complete.
private final class NewFile {
    private let path: String
    private let descriptor: Int32
    private var isComplete = false

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError(path: path, operation: .open, code: errno) }
    }

    deinit {
        close(descriptor)
        if !isComplete { unlink(path) }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws {
        try bytes.withUnsafeBytes { try write($0, at: offset) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, offset + written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw FileError(path: path, operation: .write, code: count == 0 ? EIO : errno)
            }
            written += count
        }
    }

    func finish() throws {
        guard fsync(descriptor) == 0 else { throw FileError(path: path, operation: .write, code: errno) }
        isComplete = true
    }
}
