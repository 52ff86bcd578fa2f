import CKernels
package import Checkpoints
import Foundations
package import GRDB
package import TensorCodec

/// Puts chunks right that do not decode: by what their own bytes prove, or by bytes from elsewhere.
package struct ChunkRepair: Sendable {
    private let store: ChunkStore

    package init(_ store: ChunkStore) { self.store = store }

    /// A chunk that does not decode to what its id says.
    package struct Damaged: Sendable {
        package let row: Int64
        package let id: ContentID
        /// Differences between it and its keyframe.
        package let depth: Int
        /// Length of its bytes, as far as its row can be believed.
        package let byteCount: Int
    }

    /// Bytes that a chunk is to have, compared with its id.
    package struct Replacement: Sendable {
        package let row: Int64
        package let id: ContentID
        package let bytes: [UInt8]
        package let kind: ElementKind

        package init(_ chunk: Damaged, bytes: [UInt8], kind: ElementKind) {
            precondition(ContentID(hashing: bytes) == chunk.id, "bytes of another chunk than \(chunk.id)")
            row = chunk.row
            id = chunk.id
            self.bytes = bytes
            self.kind = kind
        }
    }

    /// The chunks that do not decode, bases before what is a difference from them.
    ///
    /// - Complexity: O(bytes), on all cores, in short transactions.
    package func damaged(progress: ((_ byteCount: Int) -> Void)? = nil) throws -> [Damaged] {
        let rows = try ChunkInspection(store).damagedRows(progress: progress)
        return try store.read { db in
            let find = try db.cachedStatement(
                sql: "SELECT content_id, depth, byte_count FROM chunk WHERE id = ?")
            return rows.compactMap { row -> Damaged? in
                guard let found = try? Row.fetchOne(find, arguments: [row]),
                    let id = try? found.contentID("content_id"), let depth: Int = try? found.value("depth")
                else { return nil }
                let byteCount: Int? = try? found.value("byte_count")
                return Damaged(
                    row: row, id: id, depth: depth,
                    byteCount: min(max(byteCount ?? .max, 1), Chunking.chunkByteCount))
            }
        }
        .sorted { ($0.depth, $0.row) < ($1.depth, $1.row) }
    }

    /// Those of some chunks that do not decode by now.
    package func stillDamaged(_ chunks: ArraySlice<Damaged>) throws -> [Damaged] {
        try store.read { db in
            var finder = try ChunkFinder(db)
            return try chunks.filter { damaged in
                do {
                    guard let chunk = try finder.chunk(damaged.row), chunk.contentID == damaged.id else {
                        return false
                    }
                    return try !ChunkInspection.isWhole(chunk, db)
                } catch is StoreDamage {
                    return true
                }
            }
        }
    }

    /// Writes the checksum of a chunk anew whose bytes match its id, so that only the checksum was wrong.
    ///
    /// - Returns: Whether that was so.
    package func repairChecksum(of damaged: Damaged) throws -> Bool {
        try store.write { db in
            var finder = try ChunkFinder(db)
            do {
                guard let chunk = try finder.chunk(damaged.row), chunk.contentID == damaged.id else {
                    return false
                }
                let bytes = try ChainDecoder.decode(chunk, db, checksChecksums: false)
                let checksum = bytes.withUnsafeBytes { mr_crc32c(0, $0.baseAddress, $0.count) }
                guard ContentID(hashing: bytes) == damaged.id, checksum != chunk.checksum else { return false }
                try db.execute(
                    sql: "UPDATE chunk SET checksum = ? WHERE id = ?",
                    arguments: [Int64(checksum), damaged.row])
                return true
            } catch is StoreDamage {
                return false
            }
        }
    }

    /// Stores bytes anew, as keyframes: what is a difference from them decodes again. The old encoding stays in its pack,
    /// which is left as it is, since its pages may be damaged.
    ///
    /// - Returns: The chunks that were there still, and are whole now.
    package func replace(_ replacements: [Replacement]) throws -> [ContentID] {
        let encoded = try ConcurrentMap.map(replacements) { replacement in
            try replacement.bytes.withUnsafeBytes { bytes in
                try ProvenEncoder.with(.fast) { try $0.encode(bytes, as: replacement.kind) }
            }
        }
        return try store.write { db in
            let find = try db.cachedStatement(sql: "SELECT content_id FROM chunk WHERE id = ?")
            let present = try replacements.indices.filter { index in
                let row = try Row.fetchOne(find, arguments: [replacements[index].row])
                return try row?.contentID("content_id") == replacements[index].id
            }
            let places = try PackTable.insert(
                db, byteCounts: present.map { encoded[$0].bytes.count }, bytes: { encoded[present[$0]].bytes })
            let graph = try DeltaGraph(db, store.needs)
            let update = try db.cachedStatement(
                sql: """
                    UPDATE chunk SET checksum = ?, byte_count = ?, codec = ?, base = NULL, depth = 0, pack = ?,
                      pack_offset = ?, stored_byte_count = ? WHERE id = ?
                    """)
            for (index, place) in zip(present, places) {
                let (chunk, new) = (replacements[index], encoded[index])
                let checksum = chunk.bytes.withUnsafeBytes { mr_crc32c(0, $0.baseAddress, $0.count) }
                try update.execute(arguments: [
                    Int64(checksum), chunk.bytes.count, Int(new.codec.rawValue), place.pack, place.offset,
                    new.bytes.count, chunk.row,
                ])
                do {
                    try graph.updateDepths(below: chunk.row, depth: 0)
                } catch is StoreDamage {
                    // Further up, differences form a cycle: that is another chunk's damage.
                }
            }
            return present.map { replacements[$0].id }
        }
    }

    // MARK: Derived columns

    /// Chunks whose depth is not that of their base and one more.
    private static let wrongDepths = """
        chunk LEFT JOIN chunk AS base ON base.id = chunk.base
        WHERE chunk.depth <> iif(chunk.base IS NULL, 0, base.depth + 1)
        """

    /// How many chunks do not say how many differences they are from a keyframe.
    ///
    /// - Complexity: O(chunks).
    package static func wrongDepthCount(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM \(wrongDepths)") ?? 0
    }

    /// Counts depths anew, some thousand in each transaction.
    ///
    /// - Returns: How many were changed.
    package func repairDepths() throws -> Int {
        var changed: Set<Int64> = []
        // From keyframes upwards: each round mends at least those whose base is right. A cycle is never done.
        for _ in 0..<2 * ChunkLocation.maximumDepth {
            var last = Int64.min
            var isDone = true
            while true {
                let rows = try store.write { db in
                    let rows = try Row.fetchAll(
                        db,
                        sql: """
                            SELECT chunk.id, iif(chunk.base IS NULL, 0, base.depth + 1) AS depth
                            FROM \(ChunkRepair.wrongDepths) AND chunk.id > ? ORDER BY chunk.id
                            LIMIT \(TransactionSeries.rowCountAtOnce)
                            """, arguments: [last])
                    let update = try db.cachedStatement(sql: "UPDATE chunk SET depth = ? WHERE id = ?")
                    return try rows.map { row in
                        let id: Int64 = try row.value("id")
                        try update.execute(arguments: [try row.value("depth", as: Int.self), id])
                        return id
                    }
                }
                guard let end = rows.last else { break }
                last = end
                isDone = false
                changed.formUnion(rows)
            }
            if isDone { break }
        }
        return changed.count
    }

    /// Counts the bytes of packs anew whose row says another length, where all their chunks lie within what is there.
    ///
    /// - Returns: The packs.
    package func repairPackLengths() throws -> [Int64] {
        let condition = """
            byte_count <> length(bytes) AND length(bytes) >= (
              SELECT ifnull(max(pack_offset + stored_byte_count), 0) FROM chunk WHERE chunk.pack = pack.id)
            """
        let packs = try store.read { db in try Int64.fetchAll(db, sql: "SELECT id FROM pack WHERE \(condition)")
        }
        return try packs.filter { pack in
            try store.write { db in
                try db.execute(
                    sql: "UPDATE pack SET byte_count = length(bytes) WHERE id = ? AND \(condition)",
                    arguments: [pack])
                return db.changesCount > 0
            }
        }
    }
}
