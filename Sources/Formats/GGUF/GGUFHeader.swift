import Checkpoints
import Foundations
import OrderedCollections
import Tensors

/// The head of a GGUF file, versions 2 and 3: metadata, and what each tensor is and where its bytes lie.
///
/// Stricter than llama.cpp is: every byte of the file belongs to the header, to one tensor, or to the padding
/// between them, no key and no name repeats.
public struct GGUFHeader {
    struct Entry {
        let name: String
        let dtype: DType
        /// Length of each axis, the innermost last, as NumPy has them; bytes along the last where there are blocks.
        let shape: [Int]
        /// The name of the type of quantised blocks.
        let blockType: String?
        /// Where the bytes lie in the file.
        let range: Range<Int>
    }

    /// The tensors, in the order of the header. Names are told apart by their bytes.
    private(set) var entries: OrderedDictionary<CheckpointKey, Entry> = [:]

    /// The metadata, values as JSON texts.
    ///
    /// Arrays and texts that are long, as those of tokenizers are, are an object that says what and how many.
    private(set) var facts: OrderedDictionary<String, String> = [:]

    /// Longest header that is read. Tokenizers take some megabytes of it.
    public static let maximumByteCount = 100_000_000

    static let magic = Array("GGUF".utf8)

    /// Most tensors of one file, and most keys of its metadata. Bounds memory.
    static let maximumTensorCount = 1 << 17
    static let maximumKeyCount = 1 << 16

    /// Longest key or name, in bytes, and longest of all together. Bounds memory.
    static let maximumNameByteCount = 1 << 16
    static let maximumNamesByteCount = 16 << 20

    /// Axes of a tensor, at most: as many as ggml has.
    static let maximumRank = 4

    /// Arrays within arrays, at most.
    static let maximumDepth = 4

    /// Elements of an array, and bytes of a text, that are given as they are.
    static let maximumShownCount = 256
    static let maximumShownByteCount = 1 << 16

    /// Bytes of all values that are given as they are; what comes after is described by its type. Bounds memory.
    static let maximumShownTotal = 4 << 20

    /// The fact that has the types of quantised blocks, an object from names to types.
    static let blockTypesKey = "gguf.block_types"

    private static let alignmentKey = "general.alignment"
    private var alignment = 32

    /// Reads and checks the header of `file`, all bytes of a file.
    init(_ file: UnsafeRawBufferPointer) throws {
        // A reader that ends where the longest header does.
        let head = UnsafeRawBufferPointer(rebasing: file.prefix(GGUFHeader.maximumByteCount))
        var reader = GGUFReader(head, isCut: head.count < file.count)
        guard try reader.bytes(4).elementsEqual(GGUFHeader.magic) else { throw GGUFError.cutShort }
        let version: UInt32 = try reader.integer()
        guard 2...3 ~= version else { throw GGUFError.version(version) }
        let tensorCount: UInt64 = try reader.integer()
        let keyCount: UInt64 = try reader.integer()
        guard tensorCount <= UInt64(GGUFHeader.maximumTensorCount) else {
            throw GGUFError.tooManyTensors(tensorCount)
        }
        guard keyCount <= UInt64(GGUFHeader.maximumKeyCount) else { throw GGUFError.tooManyKeys(keyCount) }
        for _ in 0..<keyCount { try readFact(&reader) }
        var infos: [Info] = []
        for _ in 0..<tensorCount { infos.append(try Info(&reader)) }
        try place(infos, after: reader.position, in: file.count)
        try addBlockTypes()
    }

    // MARK: Metadata

    private mutating func readFact(_ reader: inout GGUFReader) throws {
        let key = try reader.name()
        let number: UInt32 = try reader.integer()
        guard let type = GGUFValueType(rawValue: number) else { throw GGUFError.valueType(key: key, number) }
        if key == GGUFHeader.alignmentKey {
            guard type == .uint32 else { throw GGUFError.alignment }
            var ahead = reader
            let value: UInt32 = try ahead.integer()
            // Mapped tensors want a power of two; more than a page of padding is no alignment.
            guard value.nonzeroBitCount == 1, 8...4096 ~= value else { throw GGUFError.alignment }
            alignment = Int(value)
        }
        let json = try reader.value(type, key: key, depth: 0)
        guard facts.updateValue(json, forKey: key) == nil else { throw GGUFError.duplicateKey(key) }
    }

    private mutating func addBlockTypes() throws {
        let types = entries.values.compactMap { entry in
            entry.blockType.map { "\(JSONText.quoted(entry.name)):\"\($0)\"" }
        }
        guard !types.isEmpty else { return }
        let json = "{\(types.joined(separator: ","))}"
        guard facts.updateValue(json, forKey: GGUFHeader.blockTypesKey) == nil else {
            throw GGUFError.duplicateKey(GGUFHeader.blockTypesKey)
        }
    }

    // MARK: Tensors

    /// What the header says of one tensor.
    private struct Info {
        let name: String
        let dtype: DType
        let shape: [Int]
        let blockType: String?
        let byteCount: Int
        let offset: UInt64

        init(_ reader: inout GGUFReader) throws {
            let name = try reader.name()
            let rank: UInt32 = try reader.integer()
            guard rank <= UInt32(GGUFHeader.maximumRank) else {
                throw GGUFError.tooManyAxes(name: name, count: rank)
            }
            var lengths: [Int] = []
            for _ in 0..<rank {
                let length: UInt64 = try reader.integer()
                guard let length = Int(exactly: length) else { throw GGUFError.length(name: name) }
                lengths.append(length)
            }
            let number: UInt32 = try reader.integer()
            guard let type = GGUFType(number: number) else { throw GGUFError.tensorType(name: name, number) }
            self.name = name
            offset = try reader.integer()
            switch type {
            case .plain(let dtype):
                self.dtype = dtype
                blockType = nil
            case .blocks(let blockType, let elementCount, let byteCount):
                guard let row = lengths.first, row % elementCount == 0 else {
                    throw GGUFError.blocks(name: name, type: blockType, elementCount: elementCount)
                }
                let (bytes, overflow) = (row / elementCount).multipliedReportingOverflow(by: byteCount)
                guard !overflow else { throw GGUFError.length(name: name) }
                lengths[0] = bytes
                dtype = .uint8
                self.blockType = blockType
            }
            // The innermost axis comes first in the file.
            shape = lengths.reversed()
            do {
                byteCount = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
            } catch {
                throw GGUFError.tensor(name: name, error)
            }
        }
    }

    /// Demands that the tensors follow each other from the end of the header on, each at the next multiple of the
    /// alignment.
    private mutating func place(_ infos: [Info], after headerByteCount: Int, in fileByteCount: Int) throws {
        func padded(_ offset: Int) throws -> Int {
            let (sum, overflow) = offset.addingReportingOverflow(alignment - 1)
            guard !overflow else { throw GGUFError.cutShort }
            return sum / alignment * alignment
        }
        let start = try padded(headerByteCount)
        var end = infos.isEmpty ? headerByteCount : start
        var ranges = [Range<Int>](repeating: 0..<0, count: infos.count)
        let order = infos.indices.sorted {
            (infos[$0].offset, infos[$0].byteCount) < (infos[$1].offset, infos[$1].byteCount)
        }
        for index in order {
            let info = infos[index]
            guard let offset = Int(exactly: info.offset),
                case (let first, let overflow) = start.addingReportingOverflow(offset), !overflow,
                case (let last, let endOverflow) = first.addingReportingOverflow(info.byteCount), !endOverflow,
                last <= fileByteCount
            else { throw GGUFError.dataCutShort(name: info.name) }
            guard try first == padded(end) else { throw GGUFError.offset(name: info.name, info.offset) }
            ranges[index] = first..<last
            end = last
        }
        // Writers pad the last tensor too, or do not.
        guard try fileByteCount <= padded(end) else {
            throw GGUFError.trailingBytes(count: fileByteCount - end)
        }
        entries.reserveCapacity(infos.count)
        for (info, range) in zip(infos, ranges) {
            let entry = Entry(
                name: info.name, dtype: info.dtype, shape: info.shape, blockType: info.blockType, range: range)
            guard entries.updateValue(entry, forKey: .string(info.name)) == nil else {
                throw GGUFError.duplicateName(info.name)
            }
        }
    }
}

/// What a value of the metadata is.
enum GGUFValueType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, boolean, text, array, uint64, int64, float64

    /// Least bytes of one value.
    var minimumByteCount: Int {
        switch self {
        case .uint8, .int8, .boolean: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .text: 8
        case .array: 12
        }
    }

    /// What a fact calls it.
    var name: String { self == .text ? "string" : "\(self)" }
}

/// Reads the values of a GGUF header.
private struct GGUFReader {
    private var reader: ByteReader
    private let isCut: Bool
    /// Bytes of JSON that were made, and of keys and names.
    private var shownByteCount = 0
    private var nameByteCount = 0

    /// - Parameter isCut: Whether `bytes` is only what is read of a longer file.
    init(_ bytes: UnsafeRawBufferPointer, isCut: Bool) {
        reader = ByteReader(bytes)
        self.isCut = isCut
    }

    var position: Int { reader.position }

    private var end: GGUFError { isCut ? .headerTooLong : .cutShort }

    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) throws -> Integer {
        guard let value = reader.integer(Integer.self) else { throw end }
        return value
    }

    mutating func bytes(_ count: Int) throws -> Slice<UnsafeRawBufferPointer> {
        guard let range = reader.take(count) else { throw end }
        return reader.bytes[range]
    }

    private mutating func text() throws -> Range<Int> {
        guard let count = Int(exactly: try integer(UInt64.self)), let range = reader.take(count) else {
            throw end
        }
        return range
    }

    /// A key, or the name of a tensor.
    mutating func name() throws -> String {
        let range = try text()
        guard range.count <= GGUFHeader.maximumNameByteCount else {
            throw GGUFError.nameTooLong(byteCount: range.count)
        }
        nameByteCount += range.count
        guard nameByteCount <= GGUFHeader.maximumNamesByteCount else { throw GGUFError.namesTooLong }
        guard let name = reader.text(range) else { throw GGUFError.invalidText(offset: range.lowerBound) }
        return name
    }

    /// A value as a JSON text.
    mutating func value(_ type: GGUFValueType, key: String, depth: Int) throws -> String {
        let json = try json(type, key: key, depth: depth)
        shownByteCount += json.utf8.count
        return json
    }

    private mutating func json(_ type: GGUFValueType, key: String, depth: Int) throws -> String {
        switch type {
        case .uint8: return "\(try integer(UInt8.self))"
        case .int8: return "\(try integer(Int8.self))"
        case .uint16: return "\(try integer(UInt16.self))"
        case .int16: return "\(try integer(Int16.self))"
        case .uint32: return "\(try integer(UInt32.self))"
        case .int32: return "\(try integer(Int32.self))"
        case .uint64: return "\(try integer(UInt64.self))"
        case .int64: return "\(try integer(Int64.self))"
        case .float32: return GGUFReader.number(Float(bitPattern: try integer()))
        case .float64: return GGUFReader.number(Double(bitPattern: try integer()))
        case .boolean:
            let byte: UInt8 = try integer()
            guard byte <= 1 else { throw GGUFError.boolean(key: key, byte) }
            return byte == 1 ? "true" : "false"
        case .text:
            let range = try text()
            guard range.count <= GGUFHeader.maximumShownByteCount,
                shownByteCount <= GGUFHeader.maximumShownTotal
            else { return "{\"type\":\"string\",\"byte_count\":\(range.count)}" }
            guard let text = reader.text(range) else { throw GGUFError.invalidText(offset: range.lowerBound) }
            return JSONText.quoted(text)
        case .array: return try array(key: key, depth: depth)
        }
    }

    private mutating func array(key: String, depth: Int) throws -> String {
        guard depth < GGUFHeader.maximumDepth else { throw GGUFError.tooDeep(key: key) }
        let number: UInt32 = try integer()
        guard let type = GGUFValueType(rawValue: number) else { throw GGUFError.valueType(key: key, number) }
        guard let count = Int(exactly: try integer(UInt64.self)),
            count <= reader.remainingCount / type.minimumByteCount
        else { throw end }
        let isShown =
            count <= GGUFHeader.maximumShownCount && shownByteCount <= GGUFHeader.maximumShownTotal
        if !isShown {
            try skip(type, count: count, key: key, depth: depth)
            return "{\"type\":\"\(type.name)\",\"count\":\(count)}"
        }
        var items: [String] = []
        for _ in 0..<count { items.append(try value(type, key: key, depth: depth + 1)) }
        return "[\(items.joined(separator: ","))]"
    }

    /// Passes over the elements of an array.
    private mutating func skip(_ type: GGUFValueType, count: Int, key: String, depth: Int) throws {
        switch type {
        case .text:
            for _ in 0..<count { _ = try text() }
        case .array:
            guard depth + 1 < GGUFHeader.maximumDepth else { throw GGUFError.tooDeep(key: key) }
            for _ in 0..<count {
                let number: UInt32 = try integer()
                guard let inner = GGUFValueType(rawValue: number) else {
                    throw GGUFError.valueType(key: key, number)
                }
                guard let innerCount = Int(exactly: try integer(UInt64.self)),
                    innerCount <= reader.remainingCount / inner.minimumByteCount
                else { throw end }
                try skip(inner, count: innerCount, key: key, depth: depth + 1)
            }
        default:
            guard reader.take(count * type.minimumByteCount) != nil else { throw end }
        }
    }

    /// A number that JSON has no way to write is a text.
    private static func number(_ value: some BinaryFloatingPoint & CustomStringConvertible) -> String {
        value.isFinite ? value.description : "\"\(value.description)\""
    }
}
