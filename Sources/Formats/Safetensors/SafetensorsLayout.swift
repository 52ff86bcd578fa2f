package import Checkpoints
public import Foundations
package import OrderedCollections
public import Tensors

/// Where everything goes in a safetensors file, known before any tensor's bytes are.
///
/// The file is ``header``, then the packed bytes of each entry at its place in ``ranges``. Order, padding and text
/// are those of the reference implementation, so that the same tensors give the same bytes.
package struct SafetensorsLayout: FileLayout {
    /// A tensor to be written.
    package struct Entry: Equatable, Sendable {
        /// The name; any text but `__metadata__`.
        package let name: String
        /// What one element is.
        package let dtype: DType
        /// Length of each axis.
        package let shape: [Int]

        /// Describes a tensor to be written.
        package init(name: String, dtype: DType, shape: [Int]) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
        }
    }

    /// The first bytes of the file: the length of the JSON, the JSON, and spaces up to a multiple of 8.
    package let header: [UInt8]

    /// Where the bytes of each entry belong in the file, in the order in which the entries were given.
    package let ranges: [Range<Int>]

    /// Bytes of the whole file.
    package let byteCount: Int

    /// The header, at the start.
    package var literals: [FileLiteral] { [FileLiteral(offset: 0, bytes: header)] }

    /// Lays out `entries`: in the file they are sorted by dtype, the widest first, then by name.
    ///
    /// - Parameter metadata: Texts to store beside the tensors, in this order.
    /// - Throws: ``SafetensorsLayoutError`` where safetensors cannot hold an entry.
    package init(_ entries: [Entry], metadata: OrderedDictionary<String, String> = [:]) throws {
        let order = try SafetensorsLayout.fileOrder(entries)
        var json = JSONWriter()
        json.open("{")
        if !metadata.isEmpty {
            json.key(SafetensorsHeader.metadataKey)
            json.open("{")
            for (key, value) in metadata {
                json.key(key)
                json.string(value)
            }
            json.close("}")
        }
        var spans = [Range<Int>](repeating: 0..<0, count: entries.count)
        var end = 0
        for index in order {
            let entry = entries[index]
            let start = end
            end = try SafetensorsLayout.end(of: entry, from: start)
            spans[index] = start..<end
            json.key(entry.name)
            json.open("{")
            json.key("dtype")
            json.string(DType.safetensorsNames[entry.dtype.safetensorsRank ?? 0].name)
            json.key("shape")
            json.integers(entry.shape)
            json.key("data_offsets")
            json.integers([start, end])
            json.close("}")
        }
        json.close("}")
        let padding = (8 - json.bytes.count % 8) % 8
        let text = json.bytes + [UInt8](repeating: UInt8(ascii: " "), count: padding)
        guard text.count <= SafetensorsHeader.maximumByteCount else {
            throw SafetensorsLayoutError.headerTooLong(byteCount: text.count)
        }
        header = withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) } + text
        let dataOffset = header.count
        let (total, overflow) = dataOffset.addingReportingOverflow(end)
        guard !overflow else { throw SafetensorsLayoutError.tooLarge }
        ranges = spans.map { $0.lowerBound + dataOffset..<$0.upperBound + dataOffset }
        byteCount = total
    }

    /// Indices of `entries` as they follow each other in the file, once names and dtypes are known to be possible.
    private static func fileOrder(_ entries: [Entry]) throws -> [Int] {
        var names = Set<CheckpointKey>(minimumCapacity: entries.count)
        var ranks: [Int] = []
        for entry in entries {
            guard entry.name != SafetensorsHeader.metadataKey else {
                throw SafetensorsLayoutError.reservedName
            }
            guard names.insert(.string(entry.name)).inserted else {
                throw SafetensorsLayoutError.duplicateName(entry.name)
            }
            guard let rank = entry.dtype.safetensorsRank else {
                throw SafetensorsLayoutError.dtype(path: entry.name, entry.dtype)
            }
            ranks.append(rank)
        }
        return entries.indices.sorted { left, right in
            if ranks[left] != ranks[right] { return ranks[left] > ranks[right] }
            // By bytes, as Rust compares texts; Swift's own order is another.
            return entries[left].name.utf8.lexicographicallyPrecedes(entries[right].name.utf8)
        }
    }

    private static func end(of entry: Entry, from start: Int) throws -> Int {
        do {
            let count = try TensorGeometry.byteCount(dtype: entry.dtype, shape: entry.shape)
            let (end, overflow) = start.addingReportingOverflow(count)
            guard !overflow else { throw SafetensorsLayoutError.tooLarge }
            return end
        } catch let error as TensorError {
            throw SafetensorsLayoutError.tensor(path: entry.name, error)
        }
    }
}

extension SafetensorsLayout {
    /// The named tensors of `checkpoint`, as safetensors can hold them.
    ///
    /// - Parameter separatingTied: Whether tensors that share a storage are written each on its own. They are no
    ///   longer tied when they are read again.
    /// - Returns: The tensors in the order of the checkpoint. Those that are not contiguous are packed as they
    ///   are written.
    /// - Throws: ``NamedTensorsError`` that says what safetensors cannot hold, and where it is.
    package static func tensors(
        of checkpoint: Checkpoint, separatingTied: Bool = false
    ) throws -> OrderedDictionary<String, Tensor> {
        try NamedTensors.of(checkpoint, format: "safetensors", separatingTied: separatingTied) {
            $0.safetensorsRank != nil
        }
    }
}

/// Something that safetensors cannot hold.
public enum SafetensorsLayoutError: Error, Equatable {
    /// A dtype that safetensors does not have.
    case dtype(path: String, DType)
    /// A tensor called `__metadata__`.
    case reservedName
    /// A name that appears twice.
    case duplicateName(String)
    /// An invalid shape.
    case tensor(path: String, TensorError)
    /// A header that readers would refuse.
    case headerTooLong(byteCount: Int)
    /// A file of more bytes than an integer holds.
    case tooLarge
}

extension SafetensorsLayoutError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .dtype(let path, let dtype):
            "safetensors has no \(dtype), which \(quoted(path)) is; save it as a PyTorch file"
        case .reservedName: "safetensors keeps the name \"\(SafetensorsHeader.metadataKey)\" for itself"
        case .duplicateName(let name): "two tensors are called \(quoted(name))"
        case .tensor(let path, let error): "\(quoted(path)): \(error)"
        case .headerTooLong(let byteCount):
            "safetensors header of \(byteCount) bytes; readers take \(SafetensorsHeader.maximumByteCount)"
        case .tooLarge: "the tensors have more bytes than a file can"
        }
    }
}

extension SafetensorsLayoutError: CategorisedError {
    /// A checkpoint that the format asked for cannot hold.
    public var category: ErrorCategory { .usage }
}
