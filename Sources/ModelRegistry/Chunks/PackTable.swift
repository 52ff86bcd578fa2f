import CSQLiteShim
import GRDB
import GRDBSQLite

/// Encoded chunks in packs.
enum PackTable {
    /// Encoded bytes per pack. SQLite gives a blob whole pages; this wastes less than one percent of them.
    static let packByteCount = 4 << 20

    /// Encoded bytes per transaction: large enough that commits cost little, small enough that readers wait little.
    static let batchByteCount = 32 << 20

    /// A pack of which less than this part is needed is written anew.
    private static let thinUse = (numerator: 7, denominator: 8)

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

    /// Deletes packs that no chunk is in.
    ///
    /// - Parameter candidates: The packs to look at; `nil` for all.
    static func deleteEmpty(_ db: Database, among candidates: Set<Int64>? = nil) throws {
        let isEmpty = "NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.pack = pack.id)"
        guard let candidates else {
            try db.execute(sql: "DELETE FROM pack WHERE \(isEmpty)")
            return
        }
        let delete = try db.cachedStatement(sql: "DELETE FROM pack WHERE id = ? AND \(isEmpty)")
        for pack in candidates.sorted() { try delete.execute(arguments: [pack]) }
    }

    /// Packs that hold much that no chunk needs, and how much of each is needed.
    ///
    /// - Parameter candidates: The packs to look at; `nil` for all.
    static func thin(_ db: Database, among candidates: Set<Int64>? = nil) throws
        -> [(pack: Int64, byteCount: Int)]
    {
        func rows(_ condition: String, _ arguments: StatementArguments) throws -> [Row] {
            try Row.fetchAll(
                db,
                sql: """
                    SELECT pack.id, sum(chunk.stored_byte_count) AS used FROM pack JOIN chunk ON chunk.pack = pack.id
                    \(condition) GROUP BY pack.id
                    HAVING \(thinUse.denominator) * used < \(thinUse.numerator) * pack.byte_count ORDER BY pack.id
                    """,
                arguments: arguments)
        }
        let found =
            if let candidates {
                try candidates.sorted().flatMap { try rows("WHERE pack.id = ?", [$0]) }
            } else {
                try rows("", [])
            }
        return try found.map { (pack: try $0.value("id"), byteCount: try $0.value("used")) }
    }

    /// Cuts a list of thin packs where a transaction has enough to do.
    static func batches(_ packs: [(pack: Int64, byteCount: Int)]) -> [[Int64]] {
        var batches: [[Int64]] = []
        var total = 0
        for (pack, byteCount) in packs {
            if batches.isEmpty || total + byteCount > batchByteCount {
                batches.append([])
                total = 0
            }
            batches[batches.count - 1].append(pack)
            total += byteCount
        }
        return batches
    }

    /// Copies what is needed of some packs into new ones, and deletes them.
    ///
    /// - Parameter copies: Whether to copy, or to write zeros to see how many pages that takes.
    static func rewrite(_ db: Database, _ packs: [Int64], copies: Bool = true) throws {
        let find = try db.cachedStatement(
            sql: "SELECT id, pack_offset, stored_byte_count FROM chunk WHERE pack = ? ORDER BY pack_offset")
        let update = try db.cachedStatement(sql: "UPDATE chunk SET pack = ?, pack_offset = ? WHERE id = ?")
        var ids: [Int64] = []
        var byteCounts: [Int] = []
        var bytes: [[UInt8]] = []
        var rewritten: Set<Int64> = []
        for pack in packs {
            let chunks = try Row.fetchAll(find, arguments: [pack])
            var parts: [[UInt8]] = []
            do {
                let reader = PackReader(db)
                for chunk in chunks {
                    let offset: Int = try chunk.value("pack_offset")
                    var part = [UInt8](repeating: 0, count: copies ? try chunk.value("stored_byte_count") : 0)
                    try part.withUnsafeMutableBytes { try reader.read(pack: pack, offset: offset, into: $0) }
                    parts.append(part)
                }
            } catch is RegistryError.Damage {
                // `verify` says what is wrong with it; what is left stays where it is.
                continue
            }
            ids += try chunks.map { try $0.value("id") }
            byteCounts += try chunks.map { try $0.value("stored_byte_count") }
            bytes += parts
            rewritten.insert(pack)
        }
        let places = try insert(db, byteCounts: byteCounts, bytes: copies ? { bytes[$0] } : nil)
        for (id, place) in zip(ids, places) {
            try update.execute(arguments: [place.pack, place.offset, id])
        }
        try deleteEmpty(db, among: rewritten)
    }
}
