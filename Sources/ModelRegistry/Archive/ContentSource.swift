import Checkpoints
import GRDB
import TensorCodec
import Tensors

/// A chunk of the other registry that is not in this one.
struct MissingChunk: Sendable {
    let rowID: Int64
    let contentID: ContentID
    let base: Int64?
    /// Its length before it is encoded, 1 MiB at most.
    let byteCount: Int
    let kind: ElementKind
}

/// The tensors and chunks of the registry that is merged.
struct ContentSource {
    private let theirs: Database

    init(_ theirs: Database) { self.theirs = theirs }

    /// The chunks of versions there that are not here, each once.
    ///
    /// - Throws: ``RegistryError/Damage`` about the other registry.
    func missingChunks(of versions: [Version], in db: Database) throws -> [MissingChunk] {
        let tensors = try theirs.cachedStatement(
            sql: """
                SELECT DISTINCT tensor.id, tensor.content_id, tensor.dtype FROM parameter
                JOIN tensor ON tensor.id = parameter.tensor WHERE version = ?
                """)
        let chunks = try theirs.cachedStatement(
            sql: """
                SELECT chunk.id, content_id, base, byte_count FROM tensor_chunk JOIN chunk ON chunk.id = tensor_chunk.chunk
                WHERE tensor = ? ORDER BY ordinal
                """)
        let tensorKnown = try db.cachedStatement(sql: "SELECT 1 FROM tensor WHERE content_id = ?")
        let chunkKnown = try db.cachedStatement(sql: "SELECT 1 FROM chunk WHERE content_id = ?")
        var seenTensors: Set<Int64> = []
        var seenChunks: Set<Int64> = []
        var missing: [MissingChunk] = []
        for version in versions {
            for tensor in try Row.fetchAll(tensors, arguments: [version.rowID]) {
                let id: Int64 = try tensor.value("id")
                guard seenTensors.insert(id).inserted else { continue }
                let contentID = try tensor.contentID("content_id")
                if try Bool.fetchOne(tensorKnown, arguments: [contentID.data]) == true { continue }
                guard let dtype = DType(rawValue: try tensor.value("dtype")) else {
                    throw RegistryError.Damage(version: version.reference, problem: "unknown element type")
                }
                for chunk in try Row.fetchAll(chunks, arguments: [id]) {
                    let chunkID: Int64 = try chunk.value("id")
                    guard seenChunks.insert(chunkID).inserted else { continue }
                    let contentID = try chunk.contentID("content_id")
                    if try Bool.fetchOne(chunkKnown, arguments: [contentID.data]) == true { continue }
                    missing.append(
                        MissingChunk(
                            rowID: chunkID, contentID: contentID, base: try chunk.optional("base"),
                            byteCount: min(max(0, try chunk.value("byte_count")), Chunking.chunkByteCount),
                            kind: ElementKind(dtype)))
                }
            }
        }
        return missing
    }

    /// Encoded bytes of chunks.
    func storedByteCount(of chunks: [MissingChunk]) throws -> Int {
        let find = try theirs.cachedStatement(sql: "SELECT stored_byte_count FROM chunk WHERE id = ?")
        return try chunks.reduce(0) { sum, chunk in
            let count = try Int.fetchOne(find, arguments: [chunk.rowID]) ?? 0
            guard (0...2 * Chunking.chunkByteCount).contains(count) else {
                throw RegistryError.Damage(chunk: chunk.contentID, problem: "its row holds impossible numbers")
            }
            return sum + count
        }
    }
}
