package import Checkpoints
public import Foundations
package import OrderedCollections
public import Tensors

/// Where everything goes in a NumPy array file (`.npy`), as NumPy itself writes it.
package struct NumPyLayout: FileLayout {
    /// Bytes of the whole file.
    package let byteCount: Int

    /// The header, at the start.
    package let literals: [FileLiteral]

    /// Where the packed elements belong; one range.
    package let ranges: [Range<Int>]

    /// Lays out an array.
    ///
    /// - Throws: ``NumPyLayoutError`` where NumPy cannot hold it.
    package init(dtype: DType, shape: [Int]) throws {
        let header = try NumPyLayout.header(dtype: dtype, shape: shape, path: "")
        let count = try NumPyLayout.dataByteCount(dtype: dtype, shape: shape, path: "")
        literals = [FileLiteral(offset: 0, bytes: header)]
        ranges = [header.count..<header.count + count]
        byteCount = header.count + count
    }

    /// The header of an array, a multiple of 64 bytes long.
    static func header(dtype: DType, shape: [Int], path: String) throws -> [UInt8] {
        guard let description = dtype.numPyDescription else {
            throw NumPyLayoutError.dtype(path: path, dtype)
        }
        guard shape.count <= maximumRank else {
            throw NumPyLayoutError.tooManyAxes(path: path, count: shape.count)
        }
        let numbers = shape.map(String.init)
        let tuple = shape.count == 1 ? "(\(numbers[0]),)" : "(\(numbers.joined(separator: ", ")))"
        var text = "{'descr': '\(description)', 'fortran_order': False, 'shape': \(tuple), }"
        // Room for the first axis to grow to 21 digits, then up to the next multiple of 64 with the newline.
        if let first = numbers.first { text += String(repeating: " ", count: max(0, 21 - first.utf8.count)) }
        let prefixByteCount = 10
        let padding = 64 - (prefixByteCount + text.utf8.count + 1) % 64
        text += String(repeating: " ", count: padding) + "\n"
        return NumPyHeader.magic + [1, 0] + littleEndian(UInt16(text.utf8.count)) + Array(text.utf8)
    }

    /// Most axes of a NumPy array, since NumPy 2.0.
    static let maximumRank = 64

    static func dataByteCount(dtype: DType, shape: [Int], path: String) throws -> Int {
        let count: Int
        do {
            count = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
        } catch {
            throw NumPyLayoutError.tensor(path: path, error)
        }
        guard count < Int.max / 2 else { throw NumPyLayoutError.tooLarge }
        return count
    }
}

/// Where everything goes in an archive of NumPy arrays (`.npz`), not compressed, as `numpy.savez` has it.
package struct NumPyArchiveLayout: FileLayout {
    /// Where the packed elements of each array belong, in the order in which they were given.
    package var ranges: [Range<Int>] { zip.ranges }

    private let zip: ZipLayout

    /// An array to be written.
    package struct Entry: Equatable, Sendable {
        /// The name, without `.npy`.
        package let name: String
        /// What one element is.
        package let dtype: DType
        /// Length of each axis.
        package let shape: [Int]

        /// Describes an array to be written.
        package init(name: String, dtype: DType, shape: [Int]) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
        }
    }

    /// Lays out `entries` in their order.
    ///
    /// - Throws: ``NumPyLayoutError`` where NumPy cannot hold an entry.
    package init(_ entries: [Entry]) throws {
        var names = Set<String>(minimumCapacity: entries.count)
        let records = try entries.map { entry in
            let name = "\(entry.name).npy"
            guard ZipArchive.isHarmless(name), name.utf8.count <= Int(UInt16.max) else {
                throw NumPyLayoutError.name(entry.name)
            }
            guard names.insert(name).inserted else { throw NumPyLayoutError.duplicateName(entry.name) }
            return ZipLayout.Entry(
                name: name,
                literal: try NumPyLayout.header(dtype: entry.dtype, shape: entry.shape, path: entry.name),
                dataByteCount: try NumPyLayout.dataByteCount(
                    dtype: entry.dtype, shape: entry.shape, path: entry.name))
        }
        guard let zip = ZipLayout(records) else { throw NumPyLayoutError.tooLarge }
        self.zip = zip
    }

    /// The named tensors of `checkpoint`, as NumPy can hold them.
    ///
    /// - Parameter separatingTied: Whether tensors that share a storage are written each on its own.
    /// - Throws: ``NamedTensorsError`` that says what NumPy cannot hold, and where it is.
    package static func tensors(
        of checkpoint: Checkpoint, separatingTied: Bool = false
    ) throws -> OrderedDictionary<String, Tensor> {
        try NamedTensors.of(checkpoint, format: "NumPy", separatingTied: separatingTied) {
            $0.numPyDescription != nil
        }
    }

    /// Bytes of the whole file.
    package var byteCount: Int { zip.byteCount }

    /// The headers of arrays, and the headers and directory of the archive.
    package var literals: [FileLiteral] { zip.literals }

    /// Zip archives have them.
    package var hasChecksums: Bool { true }

    /// The checksums of all arrays, their headers included.
    package func checksumLiterals(crc32s: [UInt32]) -> [FileLiteral] { zip.checksumLiterals(crc32s: crc32s) }
}

/// Something that NumPy cannot hold.
public enum NumPyLayoutError: Error, Equatable {
    /// The checkpoint is more than one tensor.
    case notTensor(_ kind: String)
    /// A dtype that NumPy does not have.
    case dtype(path: String, DType)
    /// More axes than NumPy has.
    case tooManyAxes(path: String, count: Int)
    /// A name that cannot be one in an archive.
    case name(String)
    /// A name that appears twice.
    case duplicateName(String)
    /// An invalid shape.
    case tensor(path: String, TensorError)
    /// A file of more bytes than an integer holds.
    case tooLarge
}

extension NumPyLayoutError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .notTensor(let kind): "a .npy file holds one array, this is \(kind); save it as a PyTorch file"
        case .dtype(let path, let dtype):
            "NumPy has no \(dtype), which \(subject(path)) is; save it as "
                + (dtype.safetensorsRank == nil ? "a PyTorch file" : "safetensors")
        case .tooManyAxes(let path, let count):
            "\(subject(path)) has \(count) axes; NumPy has at most \(NumPyLayout.maximumRank)"
        case .name(let name): "\(quoted(name)) cannot be a name in a NumPy archive; save it as safetensors"
        case .duplicateName(let name): "two tensors are called \(quoted(name))"
        case .tensor(let path, let error): "\(subject(path)): \(error)"
        case .tooLarge: "the tensors have more bytes than a file can"
        }
    }

    private func subject(_ path: String) -> String { path.isEmpty ? "the tensor" : quoted(path) }
}

extension NumPyLayoutError: CategorisedError {
    /// A checkpoint that the format asked for cannot hold.
    public var category: ErrorCategory { .usage }
}
