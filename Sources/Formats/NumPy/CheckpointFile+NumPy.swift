import Checkpoints
import Foundations
import OrderedCollections
import Tensors

extension CheckpointFile {
    /// Reads `file` as a NumPy array: a tensor, of bytes where the elements are no numbers.
    static func readNumPy(_ file: MappedFile) throws -> CheckpointFile {
        var storages: [StoredRange] = []
        let (tensor, opaqueType) = try file.withUnsafeBytes { bytes in
            try numPyTensor(bytes, file: file, offset: 0, &storages)
        }
        return CheckpointFile(
            checkpoint: .tensor(tensor), format: .npy, facts: opaqueFacts(opaqueType.map { ["": $0] } ?? [:]),
            opaqueTypes: opaqueType.map { ["": $0] } ?? [:], file: file, storages: storages,
            // An array of objects is a pickle.
            pickledNames: opaqueType == nil ? [] : PickledName.scan(file))
    }

    /// Most bytes that compressed arrays may inflate to, together, as they are held in memory: this, or so many times the
    /// file if that is more. Arrays of zeros compress a thousandfold, as those of a pruned layer, other numbers hardly at
    /// all.
    static let maximumInflatedArrayByteCount = 512 << 20
    static let maximumInflatedFileCount = 8

    /// The fact that has the types of arrays which are kept as bytes, an object from names to types.
    static let opaqueTypesKey = "numpy.opaque_types"

    private static func opaqueFacts(_ types: OrderedDictionary<String, String>) -> OrderedDictionary<
        String, String
    > {
        guard !types.isEmpty else { return [:] }
        let members = types.map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
        return [opaqueTypesKey: "{\(members.joined(separator: ","))}"]
    }

    /// Reads `archive`, all of `file`, as NumPy arrays by name: a dictionary of tensors in the order of the archive.
    ///
    /// Arrays of what is no number are tensors of bytes.
    static func readNumPyArchive(_ archive: ZipArchive, _ file: MappedFile) throws -> CheckpointFile {
        var storages: [StoredRange] = []
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        let (proportional, overflow) = file.byteCount.multipliedReportingOverflow(by: maximumInflatedFileCount)
        let limit = max(maximumInflatedArrayByteCount, overflow ? 0 : proportional)
        var remaining = limit
        var opaqueTypes: OrderedDictionary<String, String> = [:]
        for entry in archive.entries.values {
            guard entry.name.hasSuffix(".npy") else { throw NumPyError.entry(entry.name) }
            let name = String(entry.name.dropLast(4))
            do {
                switch try archive.checked(entry, inflatingAtMost: remaining) {
                case .stored(let range):
                    let (tensor, opaqueType) = try file.withUnsafeBytes { bytes in
                        let array = UnsafeRawBufferPointer(rebasing: bytes[range])
                        return try numPyTensor(
                            array, file: file, offset: range.lowerBound, &storages)
                    }
                    entries[.string(name)] = .tensor(tensor)
                    if let opaqueType { opaqueTypes[name] = opaqueType }
                case .inflated(let inflated):
                    remaining -= inflated.byteCount
                    let (tensor, opaqueType) = try numPyTensor(inflated)
                    entries[.string(name)] = .tensor(tensor)
                    if let opaqueType { opaqueTypes[name] = opaqueType }
                }
            } catch let error as NumPyError {
                throw NumPyError.array(name, error)
            } catch ZipError.inflatesTooLarge(_, let byteCount, _) {
                throw NumPyError.array(name, .inflatesTooLarge(byteCount: byteCount, maximum: limit))
            }
        }
        return CheckpointFile(
            checkpoint: .dictionary(CheckpointDictionary(entries)), format: .npz,
            facts: opaqueFacts(opaqueTypes),
            opaqueTypes: opaqueTypes, file: file, storages: storages,
            // Arrays of objects are pickles.
            pickledNames: opaqueTypes.isEmpty ? [] : PickledName.scan(file))
    }

    /// The array `bytes`, which lie at `offset` of `file`: a view of the file where the byte order allows it.
    private static func numPyTensor(
        _ bytes: UnsafeRawBufferPointer, file: MappedFile, offset: Int,
        _ storages: inout [StoredRange]
    ) throws -> (Tensor, opaqueType: String?) {
        let header = try NumPyHeader(bytes)
        if header.isBigEndian { return (try numPyTensor(header, of: swapped(bytes, header)), nil) }
        let range = header.data.lowerBound + offset..<header.data.upperBound + offset
        let storage = file.storage(of: range)
        if !range.isEmpty { storages.append(StoredRange(range: range, storage: storage)) }
        return (try numPyTensor(header, of: storage), header.opaqueType)
    }

    /// The array that was inflated. Its header stays in memory with it: a copy without would double what a bomb takes.
    private static func numPyTensor(_ inflated: Storage) throws -> (Tensor, opaqueType: String?) {
        let header = try inflated.withUnsafeBytes { try NumPyHeader($0) }
        let elements = UnsafeMutableRawBufferPointer(rebasing: inflated.unsafeMutableBytes[header.data])
        if header.isBigEndian { swap(elements, header) }
        let storage = Storage(wrapping: elements, keepingAlive: inflated)
        return (try numPyTensor(header, of: storage), header.opaqueType)
    }

    private static func numPyTensor(_ header: NumPyHeader, of storage: Storage) throws -> Tensor {
        do {
            return try Tensor(
                storage: storage, dtype: header.dtype, shape: header.shape, strides: header.strides)
        } catch {
            throw NumPyError.tensor(error)
        }
    }

    /// The elements of `array` in little-endian order.
    private static func swapped(_ array: UnsafeRawBufferPointer, _ header: NumPyHeader) -> Storage {
        let storage = Storage(copying: UnsafeRawBufferPointer(rebasing: array[header.data]))
        storage.withUnsafeMutableBytes { swap($0, header) }
        return storage
    }

    /// Turns the bytes of each element around.
    private static func swap(_ bytes: UnsafeMutableRawBufferPointer, _ header: NumPyHeader) {
        ByteOrder.swap(bytes, width: header.dtype.swappedByteWidth)
    }
}
