import Foundation
import GRDB

/// What a garbage collection removed, or would remove.
public struct GarbageReport: Hashable, Sendable {
    /// Deleted versions whose rows went.
    public let versionCount: Int
    /// Tensors that no version needs any more.
    public let tensorCount: Int
    /// Chunks that no tensor needs any more.
    public let chunkCount: Int
    /// Bytes that the file is shorter by, or would be.
    public let freedByteCount: Int
}

extension Registry {
    /// Removes what no version needs, and gives the space back to the file system.
    ///
    /// Safe beside saves of other threads and processes: chunks that such a save has written already may go too,
    /// but it looks for them in the transaction that makes its version visible, and writes them again.
    ///
    /// - Parameter dryRun: Whether only to say what would be removed.
    /// - Throws: ``RegistryError``.
    /// - Complexity: O(rows removed), and the bytes of packs of which less than half is still needed.
    @discardableResult
    public func collectGarbage(dryRun: Bool = false) throws -> GarbageReport {
        var report: GarbageReport?
        do {
            try write { db in
                report = try GarbageCollection(db).run()
                if dryRun { throw DryRun() }
            }
        } catch is DryRun {}
        guard let report else { preconditionFailure("garbage collection without a report") }
        if !dryRun { try shrinkFile() }
        return report
    }

    private struct DryRun: Error {}

    /// Cuts free pages off the file, some at a time, so that others get in between.
    private func shrinkFile() throws {
        while true {
            let isDone = try write { db in
                let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
                if free > 0 { try db.execute(sql: "PRAGMA incremental_vacuum(\(Registry.vacuumPageCount))") }
                let left = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
                return left == 0 || left == free
            }
            if isDone { return }
        }
    }

    /// Pages moved in one transaction: 32 MB.
    private static let vacuumPageCount = 2048
}

private struct GarbageCollection {
    private let db: Database

    init(_ db: Database) {
        self.db = db
    }

    func run() throws -> GarbageReport {
        let before = try usedByteCount()
        let versions = try delete("DELETE FROM version WHERE deleted_at IS NOT NULL")
        let tensors = try delete(
            "DELETE FROM tensor WHERE NOT EXISTS (SELECT 1 FROM parameter WHERE parameter.tensor = tensor.id)")
        let chunks = try deleteChunks()
        try repackThinPacks()
        _ = try delete("DELETE FROM pack WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.pack = pack.id)")
        _ = try delete(
            "DELETE FROM structure WHERE NOT EXISTS (SELECT 1 FROM version WHERE version.structure = structure.id)"
        )
        _ = try delete(
            """
            DELETE FROM attachment_content
            WHERE NOT EXISTS (SELECT 1 FROM attachment WHERE attachment.content = attachment_content.id)
            """)
        let freed = before - (try usedByteCount())
        if versions + tensors + chunks > 0 {
            try EventTable.insert(db, "gc", at: Timestamp.now(), detail: "{\"freed_byte_count\":\(freed)}")
        }
        return GarbageReport(
            versionCount: versions, tensorCount: tensors, chunkCount: chunks, freedByteCount: max(0, freed))
    }

    private func usedByteCount() throws -> Int {
        let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        let size = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        return (pages - free) * size
    }

    private func delete(_ sql: String) throws -> Int {
        try db.execute(sql: sql)
        return db.changesCount
    }

    /// Deletes chunks that no tensor needs, deltas before what they are differences from.
    private func deleteChunks() throws -> Int {
        var count = 0
        while true {
            let deleted = try delete(
                """
                DELETE FROM chunk
                WHERE NOT EXISTS (SELECT 1 FROM tensor_chunk WHERE tensor_chunk.chunk = chunk.id)
                  AND NOT EXISTS (SELECT 1 FROM chunk AS delta WHERE delta.base = chunk.id)
                """)
            if deleted == 0 { return count }
            count += deleted
        }
    }

    /// Copies what is left of packs that are mostly garbage into new ones.
    private func repackThinPacks() throws {
        let thin = try Int64.fetchAll(
            db,
            sql: """
                SELECT pack.id FROM pack JOIN chunk ON chunk.pack = pack.id
                GROUP BY pack.id HAVING 2 * sum(chunk.stored_byte_count) < pack.byte_count
                """)
        for pack in thin {
            let chunks = try Row.fetchAll(
                db,
                sql: "SELECT id, pack_offset, stored_byte_count FROM chunk WHERE pack = ? ORDER BY pack_offset",
                arguments: [pack])
            let packs = PackReader(db)
            var bytes: [UInt8] = []
            var offsets: [(id: Int64, offset: Int)] = []
            do {
                for chunk in chunks {
                    var part = [UInt8](repeating: 0, count: try chunk.value("stored_byte_count"))
                    let offset: Int = try chunk.value("pack_offset")
                    try part.withUnsafeMutableBytes { try packs.read(pack: pack, offset: offset, into: $0) }
                    offsets.append((try chunk.value("id"), bytes.count))
                    bytes += part
                }
            } catch is RegistryError.Damage {
                // `verify` says what is wrong with it; what is left stays where it is.
                continue
            }
            try db.execute(
                sql: "INSERT INTO pack (byte_count, bytes) VALUES (?, ?)", arguments: [bytes.count, bytes.data])
            let newPack = db.lastInsertedRowID
            for (id, offset) in offsets {
                try db.execute(
                    sql: "UPDATE chunk SET pack = ?, pack_offset = ? WHERE id = ?",
                    arguments: [newPack, offset, id])
            }
        }
    }
}
