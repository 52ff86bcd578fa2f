import Checkpoints
import ChunkStore
import GRDB

/// Which chunks a tensor is made of.
enum TensorChunkTable {
    /// Records the chunks of a tensor, which the store has.
    static func insert(_ chunks: [ContentID], of tensor: Int64, _ db: Database) throws {
        let insert = try db.cachedStatement(
            sql: "INSERT INTO tensor_chunk (tensor, ordinal, chunk) VALUES (?, ?, ?)")
        for (ordinal, id) in chunks.enumerated() {
            guard let chunk = try ChunkTable.row(of: id, db) else {
                throw RegistryError.Damage(chunk: id, problem: "a chunk is gone")
            }
            try insert.execute(arguments: [tensor, ordinal, chunk])
        }
    }

    /// The rows of a tensor's chunks, in order.
    static func rows(of tensor: Int64, _ db: Database) throws -> [Int64] {
        let find = try db.cachedStatement(
            sql: "SELECT chunk FROM tensor_chunk WHERE tensor = ? ORDER BY ordinal")
        return try Int64.fetchAll(find, arguments: [tensor])
    }

    /// The chunks of a tensor, in order: those that its content id was made of.
    ///
    /// - Throws: ``RegistryError/Damage``, `StoreDamage`.
    static func chunks(of tensor: TensorRow, _ finder: inout ChunkFinder, _ db: Database) throws
        -> [ChunkLocation]
    {
        let rows = try rows(of: tensor.rowID, db)
        let count = Chunking.chunkCount(byteCount: tensor.byteCount)
        guard rows.count == count else {
            throw RegistryError.Damage(problem: "\(rows.count) chunks where \(count) belong")
        }
        let chunks = try rows.enumerated().map { index, row in
            guard let chunk = try finder.chunk(row) else {
                throw RegistryError.Damage(problem: "a chunk's row is missing")
            }
            guard chunk.byteCount == Chunking.range(ofChunk: index, byteCount: tensor.byteCount).count else {
                throw RegistryError.Damage(chunk: chunk.contentID, problem: "it has the wrong length")
            }
            return chunk
        }
        let hash = TensorHash(dtype: tensor.dtype, shape: tensor.shape, chunks: chunks.map(\.contentID))
        guard hash.id == tensor.contentID else {
            throw RegistryError.Damage(problem: "its chunks do not match its content id")
        }
        return chunks
    }
}
