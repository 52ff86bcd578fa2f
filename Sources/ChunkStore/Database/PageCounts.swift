package import GRDB

/// Pages of the database file.
package struct PageCounts {
    package let all: Int
    package let free: Int
    package let pageByteCount: Int

    package init(_ db: Database) throws {
        all = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        pageByteCount = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
    }

    /// Pages of the file when all free ones have been cut off, and with them the pages of the map that said what
    /// they were for: one in every `pageByteCount / 5 + 1` (https://sqlite.org/fileformat2.html#ptrmap).
    package var shrunk: Int {
        guard free > 0, pageByteCount > 0 else { return all }
        let entriesPerMap = pageByteCount / 5
        func mapPage(before page: Int) -> Int {
            // The page of a lock that SQLite keeps at 1 GiB is neither data nor map.
            let map = (page - 2) / (entriesPerMap + 1) * (entriesPerMap + 1) + 2
            return map == lockPage ? map + 1 : map
        }
        let mapCount = (free - all + mapPage(before: all) + entriesPerMap) / entriesPerMap
        var final = all - free - mapCount
        if all > lockPage, final < lockPage { final -= 1 }
        while mapPage(before: final) == final || final == lockPage { final -= 1 }
        return final
    }

    private var lockPage: Int { 0x4000_0000 / pageByteCount + 1 }
}
