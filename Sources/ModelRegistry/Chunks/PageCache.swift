import GRDB

/// How many database pages a connection keeps in memory.
enum PageCache: Int {
    /// Two packs: what is written next is still in the processor's cache. Changes beyond that go to the file at once,
    /// under the lock that keeps readers out.
    case small = 8192
    /// A batch: changes go to the file when they are committed.
    case large = 65536

    /// - Complexity: O(pages that no longer fit).
    func apply(_ db: Database) throws { try db.execute(sql: "PRAGMA cache_size = -\(rawValue)") }
}
