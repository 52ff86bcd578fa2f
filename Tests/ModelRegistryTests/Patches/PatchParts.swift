import Foundation
import Foundations
import Testing

/// A patch taken apart by the description in docs/format.md.
struct PatchParts {
    let prefix: [UInt8]
    let header: [UInt8]
    let records: [UInt8]

    init(_ path: String) throws {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        func word(_ offset: Int) -> Int {
            bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        prefix = Array(bytes[..<12])
        let end = 28 + word(20)
        header = try #require(Zlib.decompressed(Array(bytes[28..<end]), limit: 1 << 20))
        #expect(header.count == word(12))
        records = Array(bytes[end..<bytes.count - 32])
    }

    /// The patch with another header or other records, and no right hash.
    func with(header: [UInt8]? = nil, records: [UInt8]? = nil) -> [UInt8] {
        let header = header ?? self.header
        let stream = Zlib.compressed(header)
        func word(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt64(value).littleEndian) { Array($0) } }
        return prefix + word(header.count) + word(stream.count) + stream + (records ?? self.records)
            + [UInt8](repeating: 0, count: 32)
    }
}
