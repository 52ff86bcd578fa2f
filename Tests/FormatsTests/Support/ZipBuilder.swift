/// Makes zip archives by hand, also such as no program would write.
struct ZipBuilder {
    struct Entry {
        var name: [UInt8]
        var contents: [UInt8]
        var method: UInt16 = 0
        var flags: UInt16 = 0
        var crc32: UInt32
        var byteCount: UInt32
        /// What the local header says, where it differs.
        var localName: [UInt8]?
        /// Where the directory says the local header is, where it is not there.
        var headerOffset: UInt32?
        /// Whether the directory has it.
        var isListed = true

        init(_ name: String, _ contents: [UInt8]) {
            self.name = Array(name.utf8)
            self.contents = contents
            crc32 = ZipBuilder.crc32(contents)
            byteCount = UInt32(contents.count)
        }
    }

    var entries: [Entry] = []
    var comment: [UInt8] = []

    init(_ entries: [(String, [UInt8])] = []) { self.entries = entries.map { Entry($0.0, $0.1) } }

    var bytes: [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = entry.headerOffset ?? UInt32(file.count)
            let localName = entry.localName ?? entry.name
            let common =
                FormatsTests.bytes(of: entry.flags) + FormatsTests.bytes(of: entry.method) + [0, 0, 0, 0]
                + FormatsTests.bytes(of: entry.crc32) + FormatsTests.bytes(of: UInt32(entry.contents.count))
                + FormatsTests.bytes(of: entry.byteCount)
            file += [0x50, 0x4B, 3, 4, 20, 0] + common
            file += FormatsTests.bytes(of: UInt16(localName.count)) + [0, 0] + localName + entry.contents
            guard entry.isListed else { continue }
            directory += [0x50, 0x4B, 1, 2, 20, 0, 20, 0] + common
            directory += FormatsTests.bytes(of: UInt16(entry.name.count)) + [UInt8](repeating: 0, count: 12)
            directory += FormatsTests.bytes(of: offset) + entry.name
        }
        let count = FormatsTests.bytes(of: UInt16(entries.count(where: \.isListed)))
        let end =
            [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + FormatsTests.bytes(of: UInt32(directory.count))
            + FormatsTests.bytes(of: UInt32(file.count)) + FormatsTests.bytes(of: UInt16(comment.count))
            + comment
        return file + directory + end
    }

    /// CRC-32 bit by bit, so that tests do not lean on the code that they test.
    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = .max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~crc
    }
}

/// A PyTorch file with `pickle` as its `data.pkl`.
func torchFile(_ pickle: [UInt8], storages: [(String, [UInt8])] = []) -> [UInt8] {
    let records = storages.map { ("archive/data/\($0.0)", $0.1) }
    return ZipBuilder([("archive/data.pkl", pickle)] + records + [("archive/version", Array("3\n".utf8))]).bytes
}
