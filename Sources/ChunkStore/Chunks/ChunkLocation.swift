package import Checkpoints
import GRDB
package import TensorCodec

/// Where a chunk is and how it is encoded, with the chunks it is a difference from.
package final class ChunkLocation: Sendable {
    package let contentID: ContentID
    package let checksum: UInt32
    package let byteCount: Int
    package let codec: ChunkCodec
    package let pack: Int64
    package let packOffset: Int
    package let storedByteCount: Int
    /// `nil` for a keyframe.
    package let base: ChunkLocation?

    /// Links from a delta to its keyframe, at most. Registries are written with far fewer.
    package static let maximumDepth = 64

    /// Encoded bytes of a chunk, at most. Encodings are hardly longer than the chunk.
    static let maximumStoredByteCount = 2 * Chunking.chunkByteCount

    init(_ row: Row, base: ChunkLocation?) throws {
        contentID = try row.contentID("content_id")
        byteCount = try row.value("byte_count")
        pack = try row.value("pack")
        packOffset = try row.value("pack_offset")
        storedByteCount = try row.value("stored_byte_count")
        guard let codec = UInt8(exactly: try row.value("codec", as: Int.self)),
            let checksum = UInt32(exactly: try row.value("checksum", as: Int64.self)),
            (1...Chunking.chunkByteCount).contains(byteCount), packOffset >= 0,
            (0...ChunkLocation.maximumStoredByteCount).contains(storedByteCount)
        else { throw StoreDamage(chunk: contentID, problem: "its row holds impossible numbers") }
        self.codec = ChunkCodec(rawValue: codec)
        self.checksum = checksum
        self.base = base
    }
}
