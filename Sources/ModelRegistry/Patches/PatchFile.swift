import Checkpoints
import Foundations
import TensorCodec
import Tensors

/// A patch on the disk, checked against its hash, and read as far as that is possible without the base.
///
///     magic, format version, header's length before and after compression, header, records, SHA-256 of all that
///
/// `docs/format.md` gives the bytes.
final class PatchFile: Sendable {
    /// As in PNG: a byte that is no ASCII, a name, and both ends of line, so that a transfer as text is noticed.
    static let magic: [UInt8] = [0x89, 0x4D, 0x52, 0x50, 0x0D, 0x0A, 0x1A, 0x0A]
    static let formatVersion: UInt32 = 1

    /// Bytes that a header may have, compressed or not; a million leaves take a quarter.
    static let maximumHeaderByteCount = 256 << 20

    /// Bytes before the header.
    static let prefixByteCount = 28

    /// A chunk that the patch brings.
    struct Record: Sendable {
        let id: ContentID
        /// CRC-32C of the decoded bytes.
        let checksum: UInt32
        let byteCount: Int
        let codec: ChunkCodec
        /// The chunk of the base that it is a difference from.
        let base: ContentID?
        /// The encoded bytes within the file.
        let range: Range<Int>
    }

    let path: String
    let header: PatchHeader
    /// The chunks, by id.
    let records: [ContentID: Record]
    private let file: MappedFile

    /// Opens the patch at `path`.
    ///
    /// - Throws: ``PatchError``, `FileError`.
    /// - Complexity: O(bytes of the file), to hash them. Memory: those of the header.
    init(path: String) throws {
        self.path = path
        let file = try MappedFile(path: path)
        self.file = file
        (header, records) = try file.withUnsafeBytes { bytes in try Self.read(bytes, path: path) }
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, path: String
    ) throws(PatchError) -> (PatchHeader, [ContentID: Record]) {
        guard bytes.count >= magic.count, bytes[..<magic.count].elementsEqual(magic) else {
            throw .notAPatch(path: path)
        }
        do {
            var reader = FieldReader(bytes)
            _ = try reader.raw(magic.count)
            let version: UInt32 = try reader.word()
            guard version == formatVersion else {
                throw PatchError.newerFormat(path: path, version: version)
            }
            let headerByteCount: UInt64 = try reader.word()
            let storedByteCount: UInt64 = try reader.word()
            let bodyByteCount = bytes.count - ContentID.byteCount
            guard bodyByteCount >= prefixByteCount else { throw FieldProblem("it ends too early") }
            guard
                ContentID(hashing: UnsafeRawBufferPointer(rebasing: bytes[..<bodyByteCount]))
                    == ContentID(bytes: UnsafeRawBufferPointer(rebasing: bytes[bodyByteCount...]))
            else { throw FieldProblem("it does not match its hash") }
            guard headerByteCount <= maximumHeaderByteCount, storedByteCount <= maximumHeaderByteCount else {
                throw FieldProblem("a header of more than \(maximumHeaderByteCount) bytes")
            }
            let stored = [UInt8](try reader.raw(Int(storedByteCount)))
            guard let decoded = Zlib.decompressed(stored, limit: Int(headerByteCount)),
                decoded.count == headerByteCount
            else { throw FieldProblem("its header does not decompress") }
            let header = try decoded.withUnsafeBytes { bytes throws(FieldProblem) in
                try PatchHeader(decoding: bytes)
            }
            let records = try records(of: header, &reader)
            guard reader.offset == bodyByteCount else { throw FieldProblem("bytes that belong to nothing") }
            return (header, records)
        } catch let problem as FieldProblem {
            throw .damaged(path: path, problem: problem.text)
        } catch let error as PatchError {
            throw error
        } catch {
            throw .damaged(path: path, problem: "\(error)")
        }
    }

    private static func records(
        of header: PatchHeader, _ reader: inout FieldReader
    ) throws(FieldProblem) -> [ContentID: Record] {
        var records: [ContentID: Record] = [:]
        for tensor in header.tensors {
            guard let chunks = tensor.chunks,
                let byteCount = try? TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape)
            else { continue }
            for (index, chunk) in chunks.enumerated() {
                let length = Chunking.range(ofChunk: index, byteCount: byteCount).count
                guard chunk.place == .record else {
                    if chunk.place == .earlierRecord, records[chunk.id]?.byteCount != length {
                        throw FieldProblem("a chunk of two lengths")
                    }
                    continue
                }
                let checksum: UInt32 = try reader.word()
                let codec = ChunkCodec(rawValue: try reader.byte())
                let base = codec.needsBase ? try reader.id() : nil
                let storedByteCount = try reader.number()
                let start = reader.offset
                _ = try reader.raw(storedByteCount)
                guard storedByteCount <= length else { throw FieldProblem("a chunk that is longer encoded") }
                records[chunk.id] = Record(
                    id: chunk.id, checksum: checksum, byteCount: length, codec: codec, base: base,
                    range: start..<start + storedByteCount)
            }
        }
        return records
    }

    /// The bytes of a record as they are encoded.
    ///
    /// - Throws: `FileError`, `FileChangedError`.
    func encoded(_ record: Record) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: record.range.count)
        try bytes.withUnsafeMutableBytes { try file.copyBytes(record.range, into: $0) }
        return bytes
    }

    /// An error about this file.
    func damage(_ problem: String) -> PatchError { .damaged(path: path, problem: problem) }
}
