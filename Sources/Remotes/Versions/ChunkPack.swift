package import Checkpoints
import Foundations
package import TensorCodec

/// Encoded chunks in one blob, in the order in which they were added.
///
///     magic, format version (4 bytes), encoded chunks,
///     zlib stream of the table, its length before (8 bytes) and after compression (8 bytes), magic
///
/// The table makes a pack readable without any tree.
package struct ChunkPack: Sendable {
    /// A chunk within the pack.
    package struct Entry: Sendable {
        package let id: ContentID
        package let byteCount: Int
        package let checksum: UInt32
        package let codec: ChunkCodec
        package let base: ContentID?
        package let range: Range<Int>
    }

    package private(set) var entries: [Entry] = []
    private var bytes: [UInt8] = []

    static let magic: [UInt8] = [0x89, 0x4D, 0x52, 0x4B, 0x0D, 0x0A, 0x1A, 0x0A]
    static let formatVersion: UInt32 = 1

    package init() {
        var writer = FieldWriter()
        writer.raw(ChunkPack.magic)
        writer.word(ChunkPack.formatVersion)
        bytes = writer.bytes
    }

    /// Bytes so far, without the table.
    package var byteCount: Int { bytes.count }

    /// Adds the encoded bytes of a chunk.
    package mutating func append(
        id: ContentID, byteCount: Int, checksum: UInt32, codec: ChunkCodec, base: ContentID?,
        encoded: UnsafeRawBufferPointer
    ) {
        let start = bytes.count
        bytes.append(contentsOf: encoded)
        entries.append(
            Entry(
                id: id, byteCount: byteCount, checksum: checksum, codec: codec, base: base,
                range: start..<bytes.count))
    }

    /// The blob, and the chunks as they are found in it.
    package consuming func finish() -> (blob: BlobSource, chunks: [RemoteChunk]) {
        var table = FieldWriter()
        table.list(entries) { table, entry in
            table.id(entry.id)
            table.number(entry.byteCount)
            table.word(entry.checksum)
            table.byte(entry.codec.rawValue)
            table.optional(entry.base) { $0.id($1) }
            table.number(entry.range.lowerBound)
            table.number(entry.range.count)
        }
        let stored = Zlib.compressed(table.bytes)
        var footer = FieldWriter()
        footer.raw(stored)
        footer.word(UInt64(table.bytes.count))
        footer.word(UInt64(stored.count))
        footer.raw(ChunkPack.magic)
        bytes.append(contentsOf: footer.bytes)
        let blob = BlobSource(bytes)
        return (
            blob,
            entries.map { entry in
                RemoteChunk(
                    id: entry.id, byteCount: entry.byteCount, checksum: entry.checksum, codec: entry.codec,
                    base: entry.base, pack: blob.digest, packByteCount: blob.bytes.count, range: entry.range)
            }
        )
    }
}
