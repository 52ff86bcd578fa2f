public import Checkpoints
public import Foundations
public import Tensors

/// Where everything goes in a PyTorch file, known before any storage's bytes are.
///
/// `torch.load(path)` gives the same values, types, order, ties and views; `weights_only=True` where the checkpoint has
/// no objects. Buffers are plain tensors there.
package struct PyTorchLayout: FileLayout {
    /// Where the bytes of each storage belong, in the order in which they were given. Starts are multiples of 64.
    package let ranges: [Range<Int>]

    private let zip: ZipLayout

    /// Records of the archive before those of the storages.
    private static let leadingCount = 2

    /// Lays out `outline` with storages of `storageByteCounts`.
    ///
    /// - Throws: ``PyTorchLayoutError`` where PyTorch cannot hold a value.
    /// - Precondition: Each view of the outline lies within its storage.
    package init(_ outline: CheckpointOutline, storageByteCounts: [Int]) throws {
        var pickler = TorchPickler(storageByteCounts: storageByteCounts)
        let pickle = try pickler.pickle(outline)
        guard pickle.count <= PickleMachine.maximumByteCount else {
            throw PyTorchLayoutError.tooManyValues(pickleByteCount: pickle.count)
        }
        let leading = [
            ZipLayout.Entry(name: "archive/data.pkl", literal: pickle),
            ZipLayout.Entry(name: "archive/byteorder", literal: Array("little".utf8)),
        ]
        let storages = storageByteCounts.enumerated().map {
            ZipLayout.Entry(name: "archive/data/\($0)", dataByteCount: $1)
        }
        let trailing = [ZipLayout.Entry(name: "archive/version", literal: Array("3\n".utf8))]
        guard let zip = ZipLayout(leading + storages + trailing) else { throw PyTorchLayoutError.tooLarge }
        self.zip = zip
        ranges = Array(zip.ranges[PyTorchLayout.leadingCount...].prefix(storages.count))
    }

    /// Bytes of the whole file.
    package var byteCount: Int { zip.byteCount }

    /// The pickle, and the headers and directory of the archive.
    package var literals: [FileLiteral] { zip.literals }

    /// Zip archives have them.
    package var hasChecksums: Bool { true }

    /// The checksums of all records of the archive.
    package func checksumLiterals(crc32s: [UInt32]) -> [FileLiteral] {
        precondition(crc32s.count == ranges.count, "\(crc32s.count) checksums for \(ranges.count) storages")
        var all = [UInt32](repeating: CRC32().value, count: zip.ranges.count)
        all.replaceSubrange(
            PyTorchLayout.leadingCount..<PyTorchLayout.leadingCount + crc32s.count, with: crc32s)
        return zip.checksumLiterals(crc32s: all)
    }
}

/// Something that a PyTorch file cannot hold.
public enum PyTorchLayoutError: Error, Equatable {
    /// A dtype that PyTorch does not have.
    case dtype(path: String, DType)
    /// An odd number of 4-bit elements along the last axis, of which PyTorch packs two into one.
    case oddFloat4(path: String, shape: [Int])
    /// Containers within containers, too many.
    case tooDeep
    /// An object without the parts that its kind has.
    case object(QualifiedName)
    /// A reference to an object that is not there, or not before the reference.
    case reference(path: String)
    /// A pickle that readers would refuse.
    case tooManyValues(pickleByteCount: Int)
    /// A file of more bytes than an integer holds.
    case tooLarge
}

extension PyTorchLayoutError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .dtype(let path, let dtype):
            "PyTorch has no \(dtype), which \(quoted(path)) is; save it as safetensors"
        case .oddFloat4(let path, let shape):
            "PyTorch packs two 4-bit elements into one, \(quoted(path)) of shape \(shape) has an odd last axis; save"
                + " it as safetensors"
        case .tooDeep: "the checkpoint is nested too deep"
        case .object(let name):
            "an object of \(printable(name.description)) lacks a part; save all of it, or safetensors"
        case .reference(let path):
            "\(quoted(path)) refers to an object that is left out, or that it is itself an argument of"
        case .tooManyValues(let pickleByteCount):
            "the checkpoint has too many values: their pickle has \(pickleByteCount) bytes, at most"
                + " \(PickleMachine.maximumByteCount) are read"
        case .tooLarge: "the tensors have more bytes than a file can"
        }
    }
}

extension PyTorchLayoutError: CategorisedError {
    /// A checkpoint that the format asked for cannot hold.
    public var category: ErrorCategory { .usage }
}
