import CSQLiteShim
import GRDB
import GRDBSQLite

/// Rows of `pack`: encoded chunks, one after the other.
enum PackTable {
    /// Encoded bytes per pack. SQLite gives a blob whole pages; this wastes less than one percent of them.
    static let packByteCount = 4 << 20

    /// Where encoded bytes are.
    struct Place: Hashable {
        let pack: Int64
        let offset: Int
    }

    /// Inserts a pack.
    ///
    /// - Returns: Its row.
    static func insert(_ db: Database, _ bytes: UnsafeRawBufferPointer) throws -> Int64 {
        try insert(db, byteCount: bytes.count) { write in try write(bytes) }
    }

    /// Inserts encoded chunks, joined to packs.
    ///
    /// - Parameters:
    ///   - byteCounts: The length of each.
    ///   - bytes: The bytes of each; `nil` to insert zeros and see how many pages that takes.
    /// - Returns: Where each is.
    static func insert(_ db: Database, byteCounts: [Int], bytes: ((Int) -> [UInt8])?) throws -> [Place] {
        var places: [Place] = []
        while places.count < byteCounts.count {
            let start = places.count
            var end = start
            var total = 0
            while end < byteCounts.count, end == start || total + byteCounts[end] <= packByteCount {
                total += byteCounts[end]
                end += 1
            }
            let pack = try insert(db, byteCount: total) { write in
                guard let bytes else { return }
                for index in start..<end { try bytes(index).withUnsafeBytes(write) }
            }
            var offset = 0
            for index in start..<end {
                places.append(Place(pack: pack, offset: offset))
                offset += byteCounts[index]
            }
        }
        return places
    }

    /// Inserts a pack of zeros and has it filled. SQLite would copy a bound blob twice before it reaches a page.
    private static func insert(
        _ db: Database, byteCount: Int,
        fill: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> Int64 {
        try db.cachedStatement(sql: "INSERT INTO pack (byte_count, bytes) VALUES (?1, zeroblob(?1))")
            .execute(arguments: [byteCount])
        let pack = db.lastInsertedRowID
        var blob: OpaquePointer?
        defer { sqlite3_blob_close(blob) }
        try check(sqlite3_blob_open(db.sqliteConnection, "main", "pack", "bytes", pack, 1, &blob))
        var offset: Int32 = 0
        try fill { bytes in
            try check(sqlite3_blob_write(blob, bytes.baseAddress, Int32(bytes.count), offset))
            offset += Int32(bytes.count)
        }
        return pack
    }

    /// Has the disk begin to write what was inserted, while more is. Takes the lock that keeps readers out.
    static func writeBehind(_ db: Database) { mr_sqlite_write_behind(db.sqliteConnection) }

    private static func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }

    /// Those of some packs that no chunk is in; of all packs where none are given.
    static func empty(_ db: Database, among candidates: Set<Int64>? = nil) throws -> [Int64] {
        let isEmpty = "NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.pack = pack.id)"
        guard let candidates else {
            return try Int64.fetchAll(db, sql: "SELECT id FROM pack WHERE \(isEmpty) ORDER BY id")
        }
        let find = try db.cachedStatement(sql: "SELECT id FROM pack WHERE id = ? AND \(isEmpty)")
        return try candidates.sorted().compactMap { try Int64.fetchOne(find, arguments: [$0]) }
    }

    /// Deletes those of some packs that no chunk is in; of all packs where none are given.
    ///
    /// - Throws: ``StoreDamage`` where the table of chunks and its indexes disagree: what is in a pack is an index's word.
    /// - Complexity: O(chunks of the store), where there is something to delete.
    static func deleteEmpty(_ db: Database, among candidates: Set<Int64>? = nil) throws {
        let empty = try empty(db, among: candidates)
        guard !empty.isEmpty else { return }
        try ChunkTable.requireSound(db)
        let delete = try db.cachedStatement(sql: "DELETE FROM pack WHERE id = ?")
        for pack in empty { try delete.execute(arguments: [pack]) }
    }
}
