import Foundations
import GRDB
import Glibc

/// A copy of a store whose file, or whose folder, cannot be written: to try out in it what writing would do.
struct RehearsalCopy {
    private let sibling: TemporarySibling
    private let queue: DatabaseQueue

    /// Copies what a connection reads to a file among those that the system calls temporary.
    ///
    /// - Complexity: O(bytes of the file), which are on the disk and not in memory.
    init(of source: DatabaseQueue, _ file: StoreFile) throws {
        let folder = getenv("TMPDIR").flatMap { String(validatingCString: $0) } ?? ""
        sibling = try TemporarySibling(of: (folder.isEmpty ? "/tmp" : folder) + "/rehearsal")
        do {
            queue = try file.connectToCopy(at: sibling.path)
            try queue.inDatabase { copy in try source.inDatabase { db in try db.backup(to: copy) } }
        } catch {
            sibling.remove()
            throw error
        }
    }

    /// Calls `body` with a connection to the copy.
    func use<Result>(_ body: (Database) throws -> Result) throws -> Result { try queue.inDatabase(body) }

    func remove() {
        try? queue.close()
        unlink(sibling.path + "-journal")
        sibling.remove()
    }
}
