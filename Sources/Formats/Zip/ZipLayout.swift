/// Lays out a zip archive of stored entries whose contents start at multiples of 64.
struct ZipLayout {
    /// One entry: `literal`, followed by data that is written later.
    struct Entry {
        let name: String
        var literal: [UInt8] = []
        var dataByteCount = 0
    }

    private(set) var literals: [FileLiteral] = []

    /// Where the data of each entry belongs.
    private(set) var ranges: [Range<Int>] = []

    private(set) var byteCount = 0

    /// Where the checksum of each entry belongs, in its local header and in the directory.
    private var checksumOffsets: [(local: Int, directory: Int)] = []

    private let entries: [Entry]

    /// Contents start at multiples of this, as PyTorch has them: a cache line.
    static let alignment = 64

    /// - Returns: `nil` where the archive would have more bytes than an integer holds.
    /// - Precondition: Names are at most 65,535 bytes.
    init?(_ entries: [Entry]) {
        self.entries = entries
        var offsets: [Int] = []
        for entry in entries {
            let (contents, overflow) = entry.literal.count.addingReportingOverflow(entry.dataByteCount)
            // Half of what an integer holds leaves room for everything else.
            guard !overflow, contents < Int.max / 2, byteCount < Int.max / 2 - contents else { return nil }
            offsets.append(byteCount)
            let header = ZipLayout.localHeader(entry, byteCount: contents, at: byteCount)
            literals.append(FileLiteral(offset: byteCount, bytes: header + entry.literal))
            checksumOffsets.append((byteCount + 14, 0))
            let start = byteCount + header.count + entry.literal.count
            byteCount = start + entry.dataByteCount
            ranges.append(start..<byteCount)
        }
        var directory: [UInt8] = []
        for (index, entry) in entries.enumerated() {
            checksumOffsets[index].directory = byteCount + directory.count + 16
            directory += ZipLayout.directoryRecord(
                entry, byteCount: entry.literal.count + entry.dataByteCount, headerOffset: offsets[index])
        }
        let end = ZipLayout.end(
            entryCount: entries.count, directoryByteCount: directory.count, directoryOffset: byteCount)
        literals.append(FileLiteral(offset: byteCount, bytes: directory + end))
        byteCount += directory.count + end.count
    }

    /// The checksums of all entries, at both of their places.
    ///
    /// - Parameter crc32s: Of the data of each entry, without its literal.
    func checksumLiterals(crc32s: [UInt32]) -> [FileLiteral] {
        precondition(crc32s.count == entries.count, "\(crc32s.count) checksums for \(entries.count) entries")
        var local: [FileLiteral] = []
        var directory: [FileLiteral] = []
        for (index, entry) in entries.enumerated() {
            var checksum = entry.literal.withUnsafeBytes { CRC32($0) }
            checksum.append(crc32: crc32s[index], byteCount: entry.dataByteCount)
            let bytes = littleEndian(checksum.value)
            local.append(FileLiteral(offset: checksumOffsets[index].local, bytes: bytes))
            directory.append(FileLiteral(offset: checksumOffsets[index].directory, bytes: bytes))
        }
        return local + directory
    }

    // MARK: Records

    /// The values of 32-bit fields that are full: the value is in an extra field then.
    private static let full = Int(UInt32.max)

    private static func narrow(_ value: Int) -> [UInt8] { littleEndian(UInt32(min(value, full))) }

    private static func localHeader(_ entry: Entry, byteCount: Int, at offset: Int) -> [UInt8] {
        let isWide = byteCount >= full
        let name = Array(entry.name.utf8)
        let wide =
            isWide ? extraField(1, littleEndian(UInt64(byteCount)) + littleEndian(UInt64(byteCount))) : []
        // Padding is an extra field too, of a number that PyTorch uses for it.
        let start = offset + 30 + name.count + wide.count + 4
        let padding = extraField(
            0x4246, [UInt8](repeating: 0x5A, count: (alignment - start % alignment) % alignment))
        let extra = wide + padding
        return [0x50, 0x4B, 3, 4, isWide ? 45 : 20, 0] + fields(byteCount: byteCount)
            + littleEndian(UInt16(name.count)) + littleEndian(UInt16(extra.count)) + name + extra
    }

    private static func directoryRecord(_ entry: Entry, byteCount: Int, headerOffset: Int) -> [UInt8] {
        let name = Array(entry.name.utf8)
        var wide: [UInt8] = []
        if byteCount >= full { wide += littleEndian(UInt64(byteCount)) + littleEndian(UInt64(byteCount)) }
        if headerOffset >= full { wide += littleEndian(UInt64(headerOffset)) }
        let extra = wide.isEmpty ? [] : extraField(1, wide)
        let version: UInt8 = wide.isEmpty ? 20 : 45
        return [0x50, 0x4B, 1, 2, version, 0, version, 0] + fields(byteCount: byteCount)
            + littleEndian(UInt16(name.count)) + littleEndian(UInt16(extra.count))
            // Comment, disk and attributes.
            + [UInt8](repeating: 0, count: 10) + narrow(headerOffset) + name + extra
    }

    /// What both headers have: flags (names are UTF-8), method, time, date, checksum and sizes.
    private static func fields(byteCount: Int) -> [UInt8] {
        // The first day that a zip archive knows, 1980-01-01: files are the same whenever they are written.
        [0, 8, 0, 0, 0, 0, 0x21, 0] + [0, 0, 0, 0] + narrow(byteCount) + narrow(byteCount)
    }

    private static func extraField(_ id: UInt16, _ bytes: [UInt8]) -> [UInt8] {
        littleEndian(id) + littleEndian(UInt16(bytes.count)) + bytes
    }

    private static func end(entryCount: Int, directoryByteCount: Int, directoryOffset: Int) -> [UInt8] {
        let count = littleEndian(UInt16(min(entryCount, Int(UInt16.max))))
        let end =
            [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + narrow(directoryByteCount)
            + narrow(directoryOffset)
            + [0, 0]
        guard entryCount >= Int(UInt16.max) || directoryByteCount >= full || directoryOffset >= full else {
            return end
        }
        let wideCount = littleEndian(UInt64(entryCount))
        let wide =
            [0x50, 0x4B, 6, 6] + littleEndian(UInt64(44)) + [45, 0, 45, 0] + [UInt8](repeating: 0, count: 8)
            + wideCount
            + wideCount + littleEndian(UInt64(directoryByteCount)) + littleEndian(UInt64(directoryOffset))
        let locator =
            [0x50, 0x4B, 6, 7, 0, 0, 0, 0] + littleEndian(UInt64(directoryOffset + directoryByteCount)) + [
                1, 0, 0, 0,
            ]
        return wide + locator + end
    }
}

/// The bytes of `value`, the least significant first.
func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}
