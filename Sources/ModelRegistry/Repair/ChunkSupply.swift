import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// What another registry has whole. It is only read, and nothing that it says is believed: bytes are compared with the ids
/// that they are wanted for.
final class ChunkSupply {
    private let open: () throws -> Registry
    private var opened: Registry?

    /// - Parameter open: Called when something is wanted for the first time.
    init(_ open: @escaping () throws -> Registry) { self.open = open }

    private var source: Registry {
        get throws {
            if let opened { return opened }
            let source = try open()
            opened = source
            return source
        }
    }

    /// The bytes of those of some chunks that it has whole.
    ///
    /// - Complexity: O(bytes), which are in memory all at once.
    func bytes(of ids: [ContentID]) throws -> [ContentID: [UInt8]] {
        guard !ids.isEmpty else { return [:] }
        let source = try source
        let found = try ChunkSupply.ignoringDamage {
            try source.read { db in
                var finder = try ChunkFinder(db)
                // One that cannot be found for damage is not there.
                let chunks = ids.compactMap { id in try? finder.chunk(id) }
                return (chunks, try ReadSession(source.store, db))
            }
        }
        guard let (chunks, session) = found else { return [:] }
        let read = try ConcurrentMap.map(chunks) { chunk -> (ContentID, [UInt8])? in
            try ChunkSupply.ignoringDamage {
                let bytes = try [UInt8](unsafeUninitializedCapacity: chunk.byteCount) { buffer, count in
                    try session.read(chunk, into: UnsafeMutableRawBufferPointer(buffer))
                    count = chunk.byteCount
                }
                return ContentID(hashing: bytes) == chunk.contentID ? (chunk.contentID, bytes) : nil
            } ?? nil
        }
        return Dictionary(read.compactMap { $0 }) { first, _ in first }
    }

    /// The row of a tensor there, and the ids of its chunks, which match its content id; `nil` where it does not have it so.
    func chunkIDs(of tensor: ContentID) throws -> (tensor: TensorRow, chunks: [ContentID])? {
        let source = try source
        return try ChunkSupply.ignoringDamage {
            try source.read { db in
                guard let id = try TensorTable.row(of: tensor, db), let row = try TensorTable.tensor(id, db)
                else {
                    return nil
                }
                var finder = try ChunkFinder(db)
                let chunks = try TensorChunkTable.chunks(of: row, &finder, db)
                return row.contentID == tensor ? (row, chunks.map(\.contentID)) : nil
            }
        } ?? nil
    }

    /// `nil` where the other registry is damaged there.
    private static func ignoringDamage<Result>(_ body: () throws -> Result) throws -> Result? {
        do {
            return try translatingErrors(body)
        } catch RegistryError.damaged {
            return nil
        } catch is ChunkGone {
            return nil
        }
    }
}
