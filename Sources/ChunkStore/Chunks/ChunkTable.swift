package import Checkpoints
package import GRDB
package import TensorCodec

/// Rows of `chunk`.
package enum ChunkTable {
    /// Those of `ids` that have no row.
    ///
    /// - Complexity: O(ids).
    package static func missing(_ ids: some Sequence<ContentID>, _ db: Database) throws -> Set<ContentID> {
        let find = try db.cachedStatement(sql: "SELECT 1 FROM chunk WHERE content_id = ?")
        return try ids.reduce(into: []) { missing, id in
            guard !missing.contains(id), try Bool.fetchOne(find, arguments: [id.data]) == nil else { return }
            missing.insert(id)
        }
    }

    /// The row of the chunk called `id`; `nil` where the store does not have it.
    package static func row(of id: ContentID, _ db: Database) throws -> Int64? {
        try db.row(in: "chunk", where: "content_id", is: id.data)
    }

    // MARK: What the owner's SQL may ask

    /// An expression for the stored bytes of a chunk; NULL where it has no row.
    ///
    /// - Parameter chunk: An expression for its row, such as `tensor_chunk.chunk`.
    package static func storedByteCount(of chunk: String) -> String {
        "(SELECT stored_byte_count FROM chunk WHERE chunk.id = \(chunk))"
    }

    /// An expression for the deltas to decode before a chunk.
    package static func depth(of chunk: String) -> String {
        "(SELECT depth FROM chunk WHERE chunk.id = \(chunk))"
    }

    /// A subselect of the rows of the chunks that are stored as differences from a chunk.
    package static func deltas(from chunk: String) -> String {
        "(SELECT chunk.id FROM chunk WHERE chunk.base = \(chunk))"
    }

    /// Stored bytes of all chunks that something needs which is not deleted.
    ///
    /// - Complexity: O(chunks).
    package static func neededByteCount(_ db: Database, _ needs: ChunkNeeds) throws -> Int {
        try Int.fetchOne(
            db,
            sql: "SELECT ifnull(sum(stored_byte_count), 0) FROM chunk WHERE \(needs.isNeeded("chunk.id"))") ?? 0
    }

    /// Compares the table with its indexes. Nothing may be deleted on the word of an index before.
    ///
    /// - Throws: ``StoreDamage``.
    /// - Complexity: O(chunks), about a microsecond each.
    static func requireSound(_ db: Database) throws {
        let problem = try String.fetchOne(db, sql: "PRAGMA integrity_check(chunk)")
        if let problem, problem != "ok" { throw StoreDamage(problem: problem) }
    }

    /// A chunk to insert.
    struct NewRow {
        let chunk: ChunkRecord
        /// The row of the chunk that it is a difference from, and its depth; `nil` for a keyframe.
        var base: (row: Int64, depth: Int)?
        let place: PackTable.Place
    }

    /// Inserts a chunk, which the store does not have.
    ///
    /// - Returns: Its row.
    static func insert(_ new: NewRow, _ db: Database) throws -> Int64 {
        try db.cachedStatement(
            sql: """
                INSERT INTO chunk
                  (content_id, checksum, byte_count, codec, base, depth, pack, pack_offset, stored_byte_count)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            new.chunk.id.data, Int64(new.chunk.checksum), new.chunk.byteCount, Int(new.chunk.codec.rawValue),
            new.base?.row, new.base.map { $0.depth + 1 } ?? 0, new.place.pack, new.place.offset,
            new.chunk.storedByteCount,
        ])
        return db.lastInsertedRowID
    }
}

/// What the row of a chunk records, but for its place.
package struct ChunkRecord: Sendable {
    /// SHA-256 of the decoded bytes.
    package let id: ContentID
    /// CRC-32C of the decoded bytes.
    package let checksum: UInt32
    /// Number of decoded bytes.
    package let byteCount: Int
    package let codec: ChunkCodec
    /// Number of encoded bytes.
    package let storedByteCount: Int
    /// The chunk that it is a difference from; `nil` for a keyframe.
    package var base: ContentID?

    package init(
        id: ContentID, checksum: UInt32, byteCount: Int, codec: ChunkCodec, storedByteCount: Int,
        base: ContentID? = nil
    ) {
        self.id = id
        self.checksum = checksum
        self.byteCount = byteCount
        self.codec = codec
        self.storedByteCount = storedByteCount
        self.base = base
    }
}

/// How many bytes were written.
package struct WrittenBytes: Hashable, Sendable {
    /// Of the chunks themselves.
    package var decoded = 0
    /// Of their encodings.
    package var stored = 0

    package init() {}

    init(decoded: Int, stored: Int) {
        self.decoded = decoded
        self.stored = stored
    }

    package static func += (left: inout WrittenBytes, right: WrittenBytes) {
        left.decoded += right.decoded
        left.stored += right.stored
    }
}
