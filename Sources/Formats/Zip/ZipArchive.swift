import Foundations
import OrderedCollections
import Tensors

/// The entries of a zip archive that is all of a file.
///
/// Stricter than zip allows, so that there is one way to read it: the first entry begins the file, the end record
/// ends it, entries do not overlap and have names of their own, local headers say what the central directory says.
struct ZipArchive {
    struct Entry {
        let name: String
        /// Whether the bytes are deflated; else they are stored as they are.
        let isDeflated: Bool
        let crc32: UInt32
        /// Where the bytes lie in the file, compressed where they are.
        let range: Range<Int>
        /// Bytes after inflating.
        let byteCount: Int
    }

    /// The entries by name, in the order of the central directory.
    private(set) var entries: OrderedDictionary<String, Entry> = [:]

    /// Whether checksums were written: PyTorch can be told not to, and writes zeros for all entries then.
    private(set) var hasChecksums = false

    /// Most entries of one archive. Bounds memory.
    static let maximumEntryCount = 1 << 20

    private let file: UnsafeRawBufferPointer

    /// Reads the directory of `file`, all bytes of a file. They must outlive the archive.
    init(_ file: UnsafeRawBufferPointer) throws {
        self.file = file
        let end = try ZipArchive.directory(of: file)
        guard end.entryCount <= ZipArchive.maximumEntryCount else {
            throw ZipError.tooManyEntries(end.entryCount)
        }
        var reader = ByteReader(file, at: end.directory.lowerBound)
        var extents: [Range<Int>] = []
        // Tables of texts are slow to grow. A record of the directory has 46 bytes at least.
        entries.reserveCapacity(min(end.entryCount, end.directory.count / 46))
        for _ in 0..<end.entryCount {
            let record = try CentralRecord(&reader, limit: end.directory.upperBound)
            let data = try dataRange(of: record, limit: end.directory.lowerBound)
            let entry = Entry(
                name: record.name, isDeflated: record.method == 8, crc32: record.crc32, range: data,
                byteCount: record.byteCount)
            guard entries.updateValue(entry, forKey: record.name) == nil else {
                throw ZipError.duplicateName(record.name)
            }
            extents.append(record.headerOffset..<data.upperBound)
            if record.crc32 != 0 { hasChecksums = true }
        }
        guard reader.position == end.directory.upperBound else { throw ZipError.directory }
        try ZipArchive.checkDisjoint(extents, names: entries.keys)
    }

    /// The bytes of `entry`, which must match its checksum.
    ///
    /// Stored entries are the bytes of the file; deflated ones are inflated into storage of their own.
    ///
    /// - Parameter limit: Most bytes to inflate to.
    func checked(_ entry: Entry, inflatingAtMost limit: Int) throws -> Contents {
        let bytes = UnsafeRawBufferPointer(rebasing: file[entry.range])
        guard entry.isDeflated else {
            try check(entry, bytes)
            return .stored(entry.range)
        }
        guard entry.byteCount <= limit else {
            throw ZipError.inflatesTooLarge(entry.name, byteCount: entry.byteCount, maximum: limit)
        }
        guard entry.byteCount / Zlib.maximumRatio <= bytes.count else { throw ZipError.deflate(entry.name) }
        let storage = Storage(uninitializedByteCount: entry.byteCount)
        guard storage.withUnsafeMutableBytes({ Zlib.inflate(bytes, into: $0) }) else {
            throw ZipError.deflate(entry.name)
        }
        try storage.withUnsafeBytes { try check(entry, $0) }
        return .inflated(storage)
    }

    /// Where the bytes of an entry are.
    enum Contents {
        /// Within the file.
        case stored(Range<Int>)
        /// In memory.
        case inflated(Storage)
    }

    private func check(_ entry: Entry, _ bytes: UnsafeRawBufferPointer) throws {
        guard !hasChecksums || CRC32.ofMany(bytes) == entry.crc32 else { throw ZipError.checksum(entry.name) }
    }
}

extension ZipArchive {
    /// Whether there are entries, and all of them are called like NumPy arrays.
    var isNumPyArchive: Bool { !entries.isEmpty && entries.keys.allSatisfy { $0.hasSuffix(".npy") } }

    /// Whether there is a pickle where `torch.save` puts it.
    var isPyTorchArchive: Bool { entries.keys.contains { $0.hasSuffix("/data.pkl") } }

    /// The entries that are called like checkpoints.
    var checkpoints: [String] { entries.keys.filter(ForeignFile.isCheckpoint) }
}

// MARK: The directory

extension ZipArchive {
    private static let endSignature: UInt32 = 0x0605_4B50
    private static let endByteCount = 22
    private static let end64Signature: UInt32 = 0x0606_4B50
    private static let end64ByteCount = 56
    private static let locatorSignature: UInt32 = 0x0706_4B50
    private static let locatorByteCount = 20

    /// Where the central directory lies, by the records at the end of the file.
    private static func directory(of file: UnsafeRawBufferPointer) throws -> (
        directory: Range<Int>, entryCount: Int
    ) {
        let endOffset = file.count - endByteCount
        var reader = ByteReader(file, at: endOffset)
        guard endOffset >= 0, reader.integer() == endSignature,
            let disk = reader.integer(UInt16.self), let directoryDisk = reader.integer(UInt16.self),
            let diskEntryCount = reader.integer(UInt16.self), let entryCount = reader.integer(UInt16.self),
            let byteCount = reader.integer(UInt32.self), let offset = reader.integer(UInt32.self),
            let commentByteCount = reader.integer(UInt16.self), commentByteCount == 0
        else { throw withoutEnd(file) }
        guard disk == 0, directoryDisk == 0, diskEntryCount == entryCount else { throw ZipError.severalDisks }

        var found = (offset: UInt64(offset), byteCount: UInt64(byteCount), entryCount: UInt64(entryCount))
        var limit = endOffset
        if let wide = try wideDirectory(of: file, before: endOffset) {
            // The narrow fields either say the same or are full.
            guard offset == .max || UInt64(offset) == wide.offset,
                byteCount == .max || UInt64(byteCount) == wide.byteCount,
                entryCount == .max || UInt64(entryCount) == wide.entryCount
            else { throw ZipError.directory }
            found = (wide.offset, wide.byteCount, wide.entryCount)
            limit = wide.recordOffset
        }
        guard let start = Int(exactly: found.offset), let count = Int(exactly: found.byteCount),
            let entries = Int(exactly: found.entryCount), start <= limit, count == limit - start
        else { throw ZipError.directory }
        return (start..<limit, entries)
    }

    /// What the records of large archives say, where they are there.
    private static func wideDirectory(
        of file: UnsafeRawBufferPointer, before endOffset: Int
    ) throws -> (recordOffset: Int, offset: UInt64, byteCount: UInt64, entryCount: UInt64)? {
        let locatorOffset = endOffset - locatorByteCount
        guard locatorOffset >= 0 else { return nil }
        var locator = ByteReader(file, at: locatorOffset)
        guard locator.integer() == locatorSignature else { return nil }
        let recordOffset = locatorOffset - end64ByteCount
        guard recordOffset >= 0, let disk = locator.integer(UInt32.self), disk == 0,
            locator.integer() == UInt64(recordOffset)
        else { throw ZipError.directory }
        var record = ByteReader(file, at: recordOffset)
        guard record.integer() == end64Signature, record.integer() == UInt64(end64ByteCount - 12),
            record.integer(UInt32.self) != nil,  // versions
            let disk = record.integer(UInt32.self), let directoryDisk = record.integer(UInt32.self),
            let diskEntryCount = record.integer(UInt64.self), let entryCount = record.integer(UInt64.self),
            let byteCount = record.integer(UInt64.self), let offset = record.integer(UInt64.self)
        else { throw ZipError.directory }
        guard disk == 0, directoryDisk == 0, diskEntryCount == entryCount else { throw ZipError.severalDisks }
        return (recordOffset, offset, byteCount, entryCount)
    }

    /// What the central directory says of one entry.
    private struct CentralRecord {
        let name: String
        let nameBytes: Range<Int>
        let flags: UInt16
        let method: UInt16
        let crc32: UInt32
        let compressedByteCount: Int
        let byteCount: Int
        let headerOffset: Int

        /// Bits of the flags.
        static let sizesFollow: UInt16 = 1 << 3
        /// Encryption (bits 0, 6, 13) and patches (5).
        static let refused: UInt16 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 13

        init(_ reader: inout ByteReader, limit: Int) throws {
            guard reader.integer() == UInt32(0x0201_4B50),
                reader.take(4) != nil,  // versions
                let flags = reader.integer(UInt16.self), let method = reader.integer(UInt16.self),
                reader.take(4) != nil,  // time and date
                let crc32 = reader.integer(UInt32.self),
                let narrowCompressedByteCount = reader.integer(UInt32.self),
                let narrowByteCount = reader.integer(UInt32.self),
                let nameByteCount = reader.integer(UInt16.self),
                let extraByteCount = reader.integer(UInt16.self),
                let commentByteCount = reader.integer(UInt16.self), let disk = reader.integer(UInt16.self),
                reader.take(6) != nil,  // attributes
                let narrowOffset = reader.integer(UInt32.self), let nameBytes = reader.take(Int(nameByteCount)),
                let extra = reader.take(Int(extraByteCount)), reader.take(Int(commentByteCount)) != nil,
                reader.position <= limit
            else { throw ZipError.directory }
            guard let name = reader.text(nameBytes) else { throw ZipError.nameNotText }
            guard ZipArchive.isHarmless(name) else { throw ZipError.name(name) }
            guard disk == 0 else { throw ZipError.severalDisks }
            guard flags & CentralRecord.refused == 0 else { throw ZipError.encrypted(name) }
            guard method == 0 || method == 8 else { throw ZipError.method(name, method) }

            // Fields that are full continue in an extra field, in this order.
            var wide = try WideFields(reader.bytes, extra: extra)
            guard let byteCount = wide.value(narrowByteCount),
                let compressedByteCount = wide.value(narrowCompressedByteCount),
                let headerOffset = wide.value(narrowOffset)
            else { throw ZipError.directory }
            guard method != 0 || compressedByteCount == byteCount else { throw ZipError.storedByteCount(name) }
            self.name = name
            self.nameBytes = nameBytes
            self.flags = flags
            self.method = method
            self.crc32 = crc32
            self.compressedByteCount = compressedByteCount
            self.byteCount = byteCount
            self.headerOffset = headerOffset
        }
    }

    /// The 64-bit sizes and offset of an extra field (id 1), for fields that are full.
    struct WideFields {
        private var reader: ByteReader
        private var remaining = 0

        init(_ bytes: UnsafeRawBufferPointer, extra: Range<Int>) throws {
            reader = ByteReader(bytes, at: extra.lowerBound)
            while extra.upperBound - reader.position >= 4 {
                guard let id = reader.integer(UInt16.self), let count = reader.integer(UInt16.self),
                    Int(count) <= extra.upperBound - reader.position
                else { throw ZipError.directory }
                if id == 1 {
                    remaining = Int(count)
                    return
                }
                _ = reader.take(Int(count))
            }
        }

        mutating func value(_ narrow: UInt32) -> Int? {
            guard narrow == .max else { return Int(narrow) }
            guard remaining >= 8, let wide = reader.integer(UInt64.self) else { return nil }
            remaining -= 8
            return Int(exactly: wide)
        }
    }

    /// Checks the local header of `record`.
    ///
    /// - Returns: Where its data lies, before `limit`.
    private func dataRange(of record: CentralRecord, limit: Int) throws -> Range<Int> {
        guard record.headerOffset <= limit else { throw ZipError.local(record.name) }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: file[..<limit]), at: record.headerOffset)
        guard reader.integer() == UInt32(0x0403_4B50), reader.take(2) != nil,
            reader.integer() == record.flags, reader.integer() == record.method, reader.take(4) != nil,
            let crc32 = reader.integer(UInt32.self),
            let narrowCompressedByteCount = reader.integer(UInt32.self),
            let narrowByteCount = reader.integer(UInt32.self), let nameByteCount = reader.integer(UInt16.self),
            let extraByteCount = reader.integer(UInt16.self), let name = reader.take(Int(nameByteCount)),
            let extra = reader.take(Int(extraByteCount)), let data = reader.take(record.compressedByteCount),
            file[name].elementsEqual(file[record.nameBytes])
        else { throw ZipError.local(record.name) }
        // Sizes and checksum may follow the data instead; then they are zero here, or right.
        let mayBeZero = record.flags & CentralRecord.sizesFollow != 0
        if mayBeZero, crc32 == 0, narrowCompressedByteCount == 0, narrowByteCount == 0 { return data }
        var wide = try WideFields(file, extra: extra)
        guard crc32 == record.crc32 || mayBeZero && crc32 == 0,
            let byteCount = wide.value(narrowByteCount),
            let compressedByteCount = wide.value(narrowCompressedByteCount),
            byteCount == record.byteCount && compressedByteCount == record.compressedByteCount
                || mayBeZero && byteCount == 0 && compressedByteCount == 0
        else { throw ZipError.local(record.name) }
        return data
    }

    /// Whether `name` can only be a file within the archive.
    static func isHarmless(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            guard !bytes.isEmpty, bytes[0] != UInt8(ascii: "/") else { return false }
            // How much of the part between slashes is dots; a part of two dots leads out.
            var dotCount: Int? = 0
            for byte in bytes {
                switch byte {
                case 0, UInt8(ascii: "\\"): return false
                case UInt8(ascii: "/"):
                    if dotCount == 2 { return false }
                    dotCount = 0
                case UInt8(ascii: "."): dotCount = dotCount.map { $0 + 1 }
                default: dotCount = nil
                }
            }
            return dotCount != 2
        }
    }

    private static func checkDisjoint(_ extents: [Range<Int>], names: OrderedSet<String>) throws {
        let order = extents.indices.sorted { extents[$0].lowerBound < extents[$1].lowerBound }
        var end = 0
        for index in order {
            guard extents[index].lowerBound >= end else { throw ZipError.overlap(names[index]) }
            end = extents[index].upperBound
        }
        if let first = order.first, extents[first].lowerBound != 0 { throw ZipError.prefix }
    }
}
