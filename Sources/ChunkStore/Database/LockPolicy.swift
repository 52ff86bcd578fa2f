import GRDB
import Glibc
import Synchronization

/// How the lock on the file is shared with others.
///
/// SQLite has one lock: a transaction that writes keeps readers out while it commits, and one that reads keeps commits
/// out. Who waits polls. So transactions are short, and a pause follows each that is one of many.
package enum LockPolicy {
    /// Microseconds between transactions of one call, so that others who poll for the lock get it.
    static let pauseMicroseconds: UInt32 = 3000

    /// Microseconds between two looks at a lock that somebody else holds: shorter than the pause.
    static let pollMicroseconds: UInt32 = 1000

    /// Seconds that a transaction takes packs as they come, where nobody else is there.
    static let eagerSeconds = 0.1

    /// Encoded bytes that one transaction writes: large enough that commits cost little, small enough that others wait
    /// little.
    package static let batchByteCount = 32 << 20

    /// Lets others have the lock between two transactions of one call.
    package static func pause() { usleep(pauseMicroseconds) }
}

/// Whether a connection has met others that read or write, so that it keeps the lock no longer than it must.
final class LockContention: Sendable {
    private let seen = Atomic(false)

    /// Whether one was met since the last reset.
    var isSeen: Bool { seen.load(ordering: .relaxed) }

    func note() { seen.store(true, ordering: .relaxed) }

    func reset() { seen.store(false, ordering: .relaxed) }
}

/// How many database pages a connection keeps in memory, in KiB.
enum PageCache: Int {
    /// Two packs: what is written next is still in the processor's cache. Changes beyond that go to the file at once,
    /// under the lock that keeps readers out.
    case small = 8192
    /// What reading needs: the inner pages of tables and indexes. Each thread that reads has a connection of its own.
    case reading = 16384
    /// A batch: changes go to the file when they are committed.
    case large = 65536

    /// - Complexity: O(pages that no longer fit).
    func apply(_ db: Database) throws { try db.execute(sql: "PRAGMA cache_size = -\(rawValue)") }
}
