import Foundations

/// The members of a tar archive: their names for a message, and their bytes to be looked at.
struct TarArchive {
    private let file: UnsafeRawBufferPointer

    /// Members that are looked at, at most.
    static let maximumMemberCount = 4096

    /// - Parameter file: All bytes of an archive.
    init(_ file: UnsafeRawBufferPointer) { self.file = file }

    /// The members that are called like checkpoints, in the order of the archive.
    var checkpoints: [String] { members.map(\.name).filter(ForeignFile.isCheckpoint) }

    /// The members, with where their bytes lie.
    var members: [(name: String, range: Range<Int>)] {
        var found: [(name: String, range: Range<Int>)] = []
        var position = 0
        // Names of more than 100 bytes are in a member before the one that has it: of GNU tar (`L`) or of pax (`x`).
        var longName: String?
        for _ in 0..<TarArchive.maximumMemberCount {
            guard position <= file.count - 512 else { break }
            let header = UnsafeRawBufferPointer(rebasing: file[position..<position + 512])
            guard header[0] != 0, let byteCount = TarArchive.number(header[124..<136]) else { break }
            let data = position + 512
            let (padded, overflow) = byteCount.addingReportingOverflow(511)
            guard !overflow, padded / 512 * 512 <= file.count - data else { break }
            let content = file[data..<data + min(byteCount, 4096)]
            switch header[156] {
            case UInt8(ascii: "L"): longName = TarArchive.text(content)
            case UInt8(ascii: "x"):
                // Lines of a length, a space, a key, `=` and a value.
                let line = TarArchive.text(content).split(separator: "\n").first { $0.contains(" path=") }
                longName = line.map { String($0.drop { $0 != "=" }.dropFirst()) }
            default:
                found.append((longName ?? TarArchive.text(header[..<100]), data..<data + byteCount))
                longName = nil
            }
            position = data + padded / 512 * 512
        }
        return found
    }

    private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Octal digits, or a number of which the top bit is set.
    private static func number(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
        if field.first == 0x80 {
            return Int(exactly: field.suffix(8).reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64($1) })
        }
        let digits = field.drop { $0 == 0x20 }.prefix { 0x30...0x37 ~= $0 }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }
}
