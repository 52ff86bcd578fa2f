import Foundations

/// Tells what a file is that is no checkpoint, by its bytes.
struct ForeignFile {
    private let file: UnsafeRawBufferPointer

    /// - Parameter file: All bytes of a file.
    init(_ file: UnsafeRawBufferPointer) { self.file = file }

    /// The format that the bytes speak for, with what a message needs.
    var format: UnsupportedFormat {
        if begins("version https://git-lfs.github.com/spec/v1")
            || begins("version https://hawser.github.com/spec/v1")
        {
            return .lfsPointer(byteCount: lfsByteCount)
        }
        if let page = webPage { return .webPage(page) }
        if let format = ForeignFile.magics.first(where: { begins($0.magic, at: $0.offset) })?.format {
            // 0x4D526547, big-endian as SQLite has it.
            return .foreign(format == .sqlite && begins(Array("MReG".utf8), at: 68) ? .registry : format)
        }
        if begins(Array("ustar".utf8), at: 257) {
            return .archive("a tar", members: TarArchive(file).checkpoints)
        }
        if isMessagePack { return .foreign(.msgpack) }
        if isONNX { return .foreign(.onnx) }
        if file.count >= 512, file.prefix(512).allSatisfy({ $0 == 0 }) { return .zeros }
        return textLine.map { .text($0) } ?? .unknown
    }

    private static let magics: [(magic: [UInt8], offset: Int, format: ForeignFormat)] = [
        ([0x1F, 0x8B], 0, .gzip), (Array("BZh".utf8), 0, .bzip2), ([0xFD] + Array("7zXZ\0".utf8), 0, .xz),
        ([0x28, 0xB5, 0x2F, 0xFD], 0, .zstd), ([0x04, 0x22, 0x4D, 0x18], 0, .lz4),
        (Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], 0, .sevenZip), (Array("Rar!\u{1A}\u{7}".utf8), 0, .rar),
        ([0x89] + Array("HDF\r\n\u{1A}\n".utf8), 0, .hdf5), (Array("TFL3".utf8), 4, .tensorFlowLite),
        // ggml, ggmf, ggjt and ggla as little-endian words.
        (Array("lmgg".utf8), 0, .ggml), (Array("fmgg".utf8), 0, .ggml), (Array("tjgg".utf8), 0, .ggml),
        (Array("algg".utf8), 0, .ggml), (Array("SQLite format 3\0".utf8), 0, .sqlite),
        ([0x89, 0x4D, 0x52, 0x50, 0x0D, 0x0A, 0x1A, 0x0A], 0, .patch),
        ([0x7F] + Array("ELF".utf8), 0, .program),
    ]

    private func begins(_ magic: [UInt8], at offset: Int = 0) -> Bool {
        file.count >= offset + magic.count && file[offset..<offset + magic.count].elementsEqual(magic)
    }

    private func begins(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { file.starts(with: $0) }
    }

    // MARK: Texts

    /// The number after `size` in a pointer of a few lines.
    private var lfsByteCount: Int? {
        let lines = String(decoding: file.prefix(1024), as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.lazy.compactMap { $0.hasPrefix("size ") ? Int($0.dropFirst(5)) : nil }.first
    }

    /// `an HTML page` or `XML`, where the file begins like one.
    private var webPage: String? {
        var start = file.prefix(1024)[...]
        if start.starts(with: [0xEF, 0xBB, 0xBF]) { start = start.dropFirst(3) }
        start = start.drop { [0x09, 0x0A, 0x0D, 0x20].contains($0) }
        let text = String(decoding: start.prefix(16), as: UTF8.self).lowercased()
        if ["<!doctype html", "<html", "<head", "<body", "<!--"].contains(where: text.hasPrefix) {
            return "an HTML page"
        }
        return text.hasPrefix("<?xml") ? "XML" : nil
    }

    /// The beginning of the first line, where the file begins as a text does.
    private var textLine: String? {
        let start = file.prefix(512)
        guard start.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0D].contains($0) }) else {
            return nil
        }
        // A character may be cut in two at the end.
        for cut in 0..<min(4, start.count) {
            guard let text = String(validating: start.dropLast(cut), as: UTF8.self) else { continue }
            let line = text.split(whereSeparator: \.isNewline).first ?? ""
            return line.count > 80 ? line.prefix(79) + "…" : String(line)
        }
        return nil
    }

    // MARK: Formats without a magic number

    /// Whether the file is a map whose first key is a text, in msgpack.
    private var isMessagePack: Bool {
        var reader = ByteReader(file)
        switch reader.byte() {
        case let byte? where 0x81...0x8F ~= byte: break
        case 0xDE: _ = reader.take(2)
        case 0xDF: _ = reader.take(4)
        default: return false
        }
        let byteCount: Int
        switch reader.byte() {
        case let byte? where 0xA1...0xBF ~= byte: byteCount = Int(byte & 0x1F)
        case 0xD9: byteCount = Int(reader.byte() ?? 0)
        default: return false
        }
        guard byteCount > 0, let range = reader.take(byteCount), let key = reader.text(range) else {
            return false
        }
        return key.unicodeScalars.allSatisfy { $0.value >= 0x20 } && reader.remainingCount > 0
    }

    /// Whether the file is a `ModelProto` of ONNX: a version, then known fields up to the graph or the operators' versions.
    private var isONNX: Bool {
        var reader = ByteReader(file)
        guard reader.byte() == 0x08, let version = reader.number(), 1...64 ~= version else { return false }
        while let tag = reader.number() {
            switch (tag >> 3, tag & 7) {
            case (5, 0): guard reader.number() != nil else { return false }
            // Producer, domain, documentation, metadata: texts and messages.
            case (2, 2), (3, 2), (4, 2), (6, 2), (14, 2), (20, 2), (25, 2):
                guard let byteCount = reader.number(), reader.take(byteCount) != nil else { return false }
            case (7, 2), (8, 2): return reader.number() != nil
            default: return false
            }
        }
        return false
    }
}

extension ForeignFile {
    /// Whether a file of this name within an archive is a checkpoint.
    static func isCheckpoint(named name: String) -> Bool {
        let endings = [".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".gguf", ".npz", ".npy"]
        // Notes that macOS puts beside files have their endings.
        return !name.hasPrefix("__MACOSX/") && endings.contains { name.hasSuffix($0) }
    }
}
