import GRDB

/// Packs of which much is not needed any more, and which are written anew.
enum ThinPacks {
    /// A pack of which less than this part is needed is thin.
    private static let use = (numerator: 7, denominator: 8)

    /// A thin pack, and how much of it is needed.
    struct Pack {
        let id: Int64
        let byteCount: Int
    }

    /// The thin packs among some; among all where none are given.
    ///
    /// - Complexity: O(chunks of the packs).
    static func find(_ db: Database, among candidates: Set<Int64>? = nil) throws -> [Pack] {
        func rows(_ condition: String, _ arguments: StatementArguments) throws -> [Row] {
            try Row.fetchAll(
                db,
                sql: """
                    SELECT pack.id, sum(chunk.stored_byte_count) AS used FROM pack JOIN chunk ON chunk.pack = pack.id
                    \(condition) GROUP BY pack.id
                    HAVING \(use.denominator) * used < \(use.numerator) * pack.byte_count ORDER BY pack.id
                    """,
                arguments: arguments)
        }
        let found =
            if let candidates {
                try candidates.sorted().flatMap { try rows("WHERE pack.id = ?", [$0]) }
            } else {
                try rows("", [])
            }
        return try found.map { Pack(id: try $0.value("id"), byteCount: try $0.value("used")) }
    }

    /// Cuts a list of packs where a transaction has enough to do.
    static func batches(_ packs: [Pack]) -> [[Int64]] {
        var batches: [[Int64]] = []
        var total = 0
        for pack in packs {
            if batches.isEmpty || total + pack.byteCount > LockPolicy.batchByteCount {
                batches.append([])
                total = 0
            }
            batches[batches.count - 1].append(pack.id)
            total += pack.byteCount
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
            var lengths: [Int] = []
            var parts: [[UInt8]] = []
            do {
                let reader = PackReader(db)
                for chunk in chunks {
                    let length: Int = try chunk.value("stored_byte_count")
                    let offset: Int = try chunk.value("pack_offset")
                    guard (0...ChunkLocation.maximumStoredByteCount).contains(length), offset >= 0 else {
                        throw StoreDamage(problem: "a chunk's row holds impossible numbers")
                    }
                    var part = [UInt8](repeating: 0, count: copies ? length : 0)
                    try part.withUnsafeMutableBytes { try reader.read(pack: pack, offset: offset, into: $0) }
                    parts.append(part)
                    lengths.append(length)
                }
            } catch is StoreDamage {
                // `verify` reports what is wrong with it; what is left stays where it is.
                continue
            }
            ids += try chunks.map { try $0.value("id") }
            byteCounts += lengths
            bytes += parts
            rewritten.insert(pack)
        }
        let places = try PackTable.insert(db, byteCounts: byteCounts, bytes: copies ? { bytes[$0] } : nil)
        for (id, place) in zip(ids, places) {
            try update.execute(arguments: [place.pack, place.offset, id])
        }
        try PackTable.deleteEmpty(db, among: rewritten)
    }
}
