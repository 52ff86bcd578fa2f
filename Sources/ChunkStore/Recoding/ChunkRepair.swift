import CKernels
package import Checkpoints
import Foundations
package import GRDB
package import TensorCodec

/// Finding the chunks that do not decode to what their ids say, and giving them bytes from elsewhere.
package struct ChunkRepair: Sendable {
    private let store: ChunkStore

    package init(_ store: ChunkStore) { self.store = store }

    /// A chunk that cannot be read.
    package struct Damaged: Sendable {
        package let row: Int64
        /// `nil` where the row does not tell it.
        package let id: ContentID?
        package let problem: String
    }

    /// Chunks that are looked up in one transaction.
    private static let chunkCountAtOnce = 512

    /// Reads and hashes all chunks, those included that nothing names.
    ///
    /// - Parameter progress: Called with the number of decoded bytes.
    /// - Complexity: O(bytes), on all cores, in short transactions.
    package func damaged(progress: ((_ byteCount: Int) -> Void)? = nil) throws -> [Damaged] {
        var damaged: [Damaged] = []
        var last: Int64?
        while true {
            try Task.checkCancellation()
            let (rows, chunks, broken, session) = try store.read { db in
                try look(after: last, db)
            }
            guard let end = rows.last else { return damaged }
            last = end
            damaged += broken
            let rowsByID = Dictionary(chunks.map { ($0.chunk.contentID, $0.row) }) { first, _ in first }
            for (id, failure) in try session.failures(of: chunks.map(\.chunk)) {
                guard let row = rowsByID[id], let damage = failure as? StoreDamage else { continue }
                damaged.append(Damaged(row: row, id: id, problem: damage.problem))
            }
            progress?(chunks.reduce(0) { $0 + $1.chunk.byteCount })
        }
    }

    private func look(after last: Int64?, _ db: Database) throws -> (
        rows: [Int64], chunks: [(row: Int64, chunk: ChunkLocation)], broken: [Damaged], ReadSession
    ) {
        let rows = try Int64.fetchAll(
            db,
            sql: """
                SELECT id FROM chunk NOT INDEXED WHERE ?1 IS NULL OR id > ?1 ORDER BY id
                LIMIT \(ChunkRepair.chunkCountAtOnce)
                """, arguments: [last])
        var finder = try ChunkFinder(db)
        var chunks: [(Int64, ChunkLocation)] = []
        var broken: [Damaged] = []
        for row in rows {
            do {
                if let chunk = try finder.chunk(row) { chunks.append((row, chunk)) }
            } catch let damage as StoreDamage {
                let id = try Row.fetchOne(
                    db, sql: "SELECT content_id FROM chunk WHERE id = ?", arguments: [row])
                broken.append(
                    Damaged(row: row, id: try? id?.contentID("content_id"), problem: damage.problem))
            }
        }
        return (rows, chunks, broken, try ReadSession(store, db))
    }

    /// Bytes that a chunk is to have.
    package struct Replacement: Sendable {
        package let id: ContentID
        package let bytes: [UInt8]
        package let kind: ElementKind

        package init(id: ContentID, bytes: [UInt8], kind: ElementKind) {
            self.id = id
            self.bytes = bytes
            self.kind = kind
        }
    }

    /// Encodes chunks anew as keyframes, and stores them under the ids that they have.
    ///
    /// - Precondition: The hash of each one's bytes is its id.
    /// - Returns: How many the store has, and so has stored.
    package func replace(_ replacements: [Replacement]) throws -> Int {
        let encoded = try ConcurrentMap.map(replacements) { chunk in
            precondition(ContentID(hashing: chunk.bytes) == chunk.id, "other bytes for \(chunk.id)")
            return try chunk.bytes.withUnsafeBytes { bytes in
                try ProvenEncoder.with(.fast) { try $0.encode(bytes, as: chunk.kind) }
            }
        }
        return try store.write { db in
            let graph = try DeltaGraph(db, store.needs)
            let old = try db.cachedStatement(sql: "SELECT id, pack FROM chunk WHERE content_id = ?")
            let update = try db.cachedStatement(
                sql: """
                    UPDATE chunk SET checksum = ?, byte_count = ?, codec = ?, base = NULL, depth = 0, pack = ?,
                      pack_offset = ?, stored_byte_count = ? WHERE id = ?
                    """)
            let places = try PackTable.insert(
                db, byteCounts: encoded.map(\.bytes.count), bytes: { encoded[$0].bytes })
            var packs = Set(places.map(\.pack))
            var count = 0
            for (index, chunk) in replacements.enumerated() {
                guard let row = try Row.fetchOne(old, arguments: [chunk.id.data]) else { continue }
                let id: Int64 = try row.value("id")
                packs.insert(try row.value("pack"))
                let checksum = chunk.bytes.withUnsafeBytes { mr_crc32c(0, $0.baseAddress, $0.count) }
                try update.execute(arguments: [
                    Int64(checksum), chunk.bytes.count, Int(encoded[index].codec.rawValue), places[index].pack,
                    places[index].offset, encoded[index].bytes.count, id,
                ])
                try graph.updateDepths(below: id, depth: 0)
                count += 1
            }
            try PackTable.deleteEmpty(db, among: packs)
            return count
        }
    }

    /// Deletes the rows of chunks. To be called where foreign keys are switched off, or nothing names them.
    package static func delete(_ rows: [Int64], _ db: Database) throws {
        let delete = try db.cachedStatement(sql: "DELETE FROM chunk WHERE id = ?")
        for row in rows { try delete.execute(arguments: [row]) }
    }
}
