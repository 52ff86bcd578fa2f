import Checkpoints
import Foundations
import OrderedCollections
import Tensors

/// The head of a safetensors file: what each tensor is and where its bytes lie.
///
/// Stricter than the specification asks of readers: every byte of the file belongs to the header or to exactly
/// one tensor, no name and no field repeats, and no unknown field is passed over.
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let dtype: DType
        let shape: [Int]
        /// Where the bytes lie in the file.
        let range: Range<Int>
    }

    /// The tensors, in the order of the header. Names are told apart by their bytes.
    private(set) var entries: OrderedDictionary<CheckpointKey, Entry> = [:]

    /// The texts under `__metadata__`, in the order of the header. Their keys are told apart as Unicode does:
    /// two that only differ in how an accent is written are refused.
    private(set) var metadata: OrderedDictionary<String, String> = [:]

    /// Longest header that is read, as in the reference implementation.
    static let maximumByteCount = 100_000_000

    /// Most tensors in one file; a shard of the largest models has some thousands. Bounds memory.
    static let maximumTensorCount = 1 << 20

    /// Most axes of all tensors together, and most texts in the metadata. Bounds memory.
    static let maximumAxisCount = 1 << 21
    static let maximumTextCount = 1 << 16

    /// The key of the metadata, which no tensor can have.
    static let metadataKey = "__metadata__"

    /// Reads and checks the header at the start of `file`, all bytes of a file.
    init(_ file: UnsafeRawBufferPointer) throws {
        var reader = ByteReader(file)
        guard let claimed = reader.integer(UInt64.self) else { throw SafetensorsError.cutShort }
        guard claimed <= UInt64(SafetensorsHeader.maximumByteCount) else {
            throw SafetensorsError.headerTooLong(byteCount: claimed)
        }
        guard let range = reader.take(Int(claimed)) else {
            throw SafetensorsError.headerCutShort(byteCount: Int(claimed), remaining: reader.remainingCount)
        }
        guard file[range].first == UInt8(ascii: "{") else { throw SafetensorsError.noObject }
        do {
            var json = JSONReader(UnsafeRawBufferPointer(rebasing: file[range]))
            try read(&json, dataOffset: range.upperBound)
            try json.end()
        } catch let error as JSONError {
            throw SafetensorsError.json(error)
        }
        try checkCoverage(range.upperBound..<file.count)
    }

    private mutating func read(_ json: inout JSONReader, dataOffset: Int) throws {
        var hasMetadata = false
        var axisCount = 0
        try json.object { json, name in
            if name == SafetensorsHeader.metadataKey {
                guard !hasMetadata else { throw SafetensorsError.duplicateName(name) }
                hasMetadata = true
                // The reference takes this for none.
                if !json.null() { try readMetadata(&json) }
                return
            }
            guard entries.count < SafetensorsHeader.maximumTensorCount else {
                throw SafetensorsError.tooManyTensors
            }
            let entry = try readEntry(&json, name: name, dataOffset: dataOffset)
            axisCount += entry.shape.count
            guard axisCount <= SafetensorsHeader.maximumAxisCount else { throw SafetensorsError.tooManyAxes }
            guard entries.updateValue(entry, forKey: .string(name)) == nil else {
                throw SafetensorsError.duplicateName(name)
            }
        }
    }

    private mutating func readMetadata(_ json: inout JSONReader) throws {
        try json.object { json, key in
            guard metadata.count < SafetensorsHeader.maximumTextCount else {
                throw SafetensorsError.tooManyTexts
            }
            guard metadata.updateValue(try json.string("a text as metadata"), forKey: key) == nil else {
                throw SafetensorsError.duplicateName(key)
            }
        }
    }

    private func readEntry(_ json: inout JSONReader, name: String, dataOffset: Int) throws -> Entry {
        var dtype: DType?
        var shape: [Int]?
        var offsets: [Int]?
        try json.object { json, field in
            switch field {
            case "dtype" where dtype == nil:
                let text = try json.string()
                dtype = DType(safetensorsName: text)
                guard dtype != nil else { throw SafetensorsError.unknownDType(name: name, dtype: text) }
            case "shape" where shape == nil:
                shape = try integers(&json, atMost: TensorGeometry.maximumRank, name: name, field: field)
            case "data_offsets" where offsets == nil:
                offsets = try integers(&json, atMost: 2, name: name, field: field)
            default: throw SafetensorsError.unexpectedField(name: name, field: field)
            }
        }
        guard let dtype else { throw SafetensorsError.missingField(name: name, field: "dtype") }
        guard let shape else { throw SafetensorsError.missingField(name: name, field: "shape") }
        guard let offsets, offsets.count == 2 else {
            throw SafetensorsError.missingField(name: name, field: "data_offsets")
        }
        let needed: Int
        do {
            needed = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
        } catch {
            throw SafetensorsError.tensor(name: name, error)
        }
        let (start, overflow) = dataOffset.addingReportingOverflow(offsets[0])
        let (end, endOverflow) = dataOffset.addingReportingOverflow(offsets[1])
        guard !overflow, !endOverflow, start <= end else {
            throw SafetensorsError.offsets(name: name, start: offsets[0], end: offsets[1])
        }
        guard end - start == needed else {
            throw SafetensorsError.byteCount(
                name: name, dtype: dtype, shape: shape, needs: needed, has: end - start)
        }
        return Entry(name: name, dtype: dtype, shape: shape, range: start..<end)
    }

    private func integers(
        _ json: inout JSONReader, atMost limit: Int, name: String, field: String
    ) throws -> [Int] {
        var numbers: [Int] = []
        try json.array { json in
            guard numbers.count < limit else {
                throw SafetensorsError.tooManyNumbers(name: name, field: field, maximum: limit)
            }
            numbers.append(try json.nonNegativeInteger())
        }
        return numbers
    }

    /// Demands that the tensors fill `data` without holes and overlaps.
    private func checkCoverage(_ data: Range<Int>) throws {
        var end = data.lowerBound
        let ordered = entries.values.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        for entry in ordered {
            let start = entry.range.lowerBound
            guard start == end else {
                throw start < end
                    ? SafetensorsError.overlap(name: entry.name)
                    : SafetensorsError.hole(name: entry.name, byteCount: start - end)
            }
            end = entry.range.upperBound
        }
        guard end == data.upperBound else {
            throw end > data.upperBound
                ? SafetensorsError.dataCutShort(needs: end - data.lowerBound, has: data.count)
                : SafetensorsError.trailingBytes(count: data.upperBound - end)
        }
    }
}
