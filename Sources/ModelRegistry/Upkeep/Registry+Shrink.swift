import GRDB
import Glibc

extension Registry {
    /// Cuts free pages off the file, some at a time, so that others get in between.
    func shrinkFile() throws {
        while true {
            let isDone = try write { db in
                let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
                if free > 0 { try db.execute(sql: "PRAGMA incremental_vacuum(\(Registry.vacuumPageCount))") }
                let left = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
                return left == 0 || left == free
            }
            if isDone { return }
            usleep(Registry.pauseMicroseconds)
        }
    }

    /// Pages moved in one transaction: 32 MB.
    private static let vacuumPageCount = 2048
}

/// Pages of the database file.
struct PageCounts {
    let all: Int
    let free: Int
    let pageByteCount: Int

    init(_ db: Database) throws {
        all = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        pageByteCount = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
    }

    /// Pages of the file when all free ones have been cut off, and with them the pages of the map that said what
    /// they were for: one in every `pageByteCount / 5 + 1` (https://sqlite.org/fileformat2.html#ptrmap).
    var shrunk: Int {
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
