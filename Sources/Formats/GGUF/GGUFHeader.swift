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
        /// The number of a type that is not known, and the lengths of the axes as the file has them.
        let unknownType: UnknownType?
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

    /// The fact that has the types that are not known, an object from names to their numbers and the lengths of the axes.
    static let unknownTypesKey = "gguf.unknown_types"

    /// The fact that has the lengths of the files of a split model. No file may say so itself.
    static let partsKey = "gguf.part_byte_counts"

    /// The facts of a tensor whose type is not known: it is kept as the bytes up to the next tensor.
    struct UnknownType {
        let number: UInt32
        /// Lengths of the axes in the order of the file, the innermost first.
        let lengths: [Int]

        var json: String {
            "{\"type\":\(number),\"shape\":[\(lengths.map(String.init).joined(separator: ","))]}"
        }
    }

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
        var infos: [GGUFTensorInfo] = []
        for _ in 0..<tensorCount { infos.append(try GGUFTensorInfo(&reader)) }
        let ranges = try GGUFTensorInfo.ranges(
            of: infos, after: reader.position, alignment: alignment, in: file.count)
        try add(infos, ranges)
        try addTypes()
    }

    // MARK: Metadata

    private mutating func readFact(_ reader: inout GGUFReader) throws {
        let key = try reader.name()
        guard key != GGUFHeader.partsKey else { throw GGUFError.reservedKey(key) }
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

    private mutating func addTypes() throws {
        try addTypes(GGUFHeader.blockTypesKey) { $0.blockType.map { "\"\($0)\"" } }
        try addTypes(GGUFHeader.unknownTypesKey) { $0.unknownType?.json }
    }

    private mutating func addTypes(_ key: String, _ json: (Entry) -> String?) throws {
        let types = entries.values.compactMap { entry in
            json(entry).map { "\(JSONText.quoted(entry.name)):\($0)" }
        }
        guard !types.isEmpty else { return }
        guard facts.updateValue("{\(types.joined(separator: ","))}", forKey: key) == nil else {
            throw GGUFError.duplicateKey(key)
        }
    }

    // MARK: Tensors

    private mutating func add(_ infos: [GGUFTensorInfo], _ ranges: [Range<Int>]) throws {
        entries.reserveCapacity(infos.count)
        for (info, range) in zip(infos, ranges) {
            // Where nobody knows what the bytes are, they are a row of bytes.
            let entry = Entry(
                name: info.name, dtype: info.dtype, shape: info.unknownType == nil ? info.shape : [range.count],
                blockType: info.blockType, unknownType: info.unknownType, range: range)
            guard entries.updateValue(entry, forKey: .string(info.name)) == nil else {
                throw GGUFError.duplicateName(info.name)
            }
        }
    }
}
