package import Checkpoints
package import TensorCodec

/// A chunk at a remote: where its encoded bytes are, and how to decode them.
package struct RemoteChunk: Hashable, Sendable {
    /// SHA-256 of the decoded bytes.
    package let id: ContentID
    /// Number of decoded bytes.
    package let byteCount: Int
    /// CRC-32C of the decoded bytes.
    package let checksum: UInt32
    package let codec: ChunkCodec
    /// The chunk that it is a difference from; `nil` for a keyframe.
    package let base: ContentID?
    /// The blob that holds it.
    package let pack: ContentID
    package let packByteCount: Int
    /// The encoded bytes within the pack.
    package let range: Range<Int>

    package init(
        id: ContentID, byteCount: Int, checksum: UInt32, codec: ChunkCodec, base: ContentID?, pack: ContentID,
        packByteCount: Int, range: Range<Int>
    ) {
        self.id = id
        self.byteCount = byteCount
        self.checksum = checksum
        self.codec = codec
        self.base = base
        self.pack = pack
        self.packByteCount = packByteCount
        self.range = range
    }

    /// Encoded bytes of a chunk, at most. Encodings are hardly longer than the chunk.
    package static let maximumStoredByteCount = 2 * Chunking.chunkByteCount
}
