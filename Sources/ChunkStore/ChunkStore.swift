import CSQLiteShim
package import Checkpoints
import Foundations
package import GRDB
import Glibc
import Synchronization

/// One SQLite file of content-addressed chunks, and of the rows by which its owner finds them.
///
/// Three verbs are its face: ``missing(_:)``, a ``ChunkWriter`` and a ``ReadSession``. Packing and garbage collection
/// encode chunks anew (``ChunkRecoder``) and free them (``GarbageRemoval``). What chunks are for, and who needs them, is the
/// owner's to say (``ChunkNeeds``). Nothing else in the program touches rows of `chunk` and `pack`, or holds the lock.
///
/// May be used from several threads and, through the file, from several processes at once.
package final class ChunkStore: Sendable {
    /// Bytes of a database page.
    package static let pageByteCount = StoreFile.pageByteCount

    /// Where the file is.
    package let path: String
    /// Who needs a chunk.
    package let needs: ChunkNeeds
    let contention: LockContention
    /// Rows of `unfinished_write` that failed saves of this process have left.
    let abandonedWrites = Mutex<[Int64]>([])
    private let file: StoreFile
    private let connections: ConnectionPool
    private let isInMemory: Bool
    /// Whether writing is impossible: the file is write-protected, or was opened for reading only.
    package let isReadOnly: Bool

    /// Opens the store at `path`.
    ///
    /// - Parameters:
    ///   - create: Whether to make a file where there is none.
    ///   - isReadOnly: Whether to refuse to write, also where that were possible.
    ///   - waitSeconds: How long to wait for other processes, at each transaction.
    /// - Throws: ``StoreError``, `FileError`.
    package init(
        path: String, schema: StoreSchema, needs: ChunkNeeds, create: Bool, isReadOnly: Bool,
        waitSeconds: Double
    ) throws {
        self.path = path
        self.needs = needs
        contention = LockContention()
        file = StoreFile(
            path: path, schema: schema, isReadOnly: isReadOnly, waitSeconds: waitSeconds, contention: contention
        )
        let first = try file.open(create: create)
        self.isReadOnly = first.configuration.readonly
        isInMemory = false
        connections = ConnectionPool(file, first: first, isInMemory: false)
    }

    /// A store without a file, gone when the last reference to it goes.
    package init(inMemory schema: StoreSchema, needs: ChunkNeeds) throws {
        path = ":memory:"
        self.needs = needs
        contention = LockContention()
        file = StoreFile(
            path: path, schema: schema, isReadOnly: false, waitSeconds: 0, contention: contention)
        isReadOnly = false
        isInMemory = true
        connections = ConnectionPool(file, first: try file.openInMemory(), isInMemory: true)
    }

    /// Closes the file. Calls that are under way end first; later ones throw ``StoreError/closed(path:)``.
    package func close() throws { try file.translatingErrors { try connections.close() } }

    // MARK: Transactions

    /// Reads within one transaction, which is to be short: nobody can commit meanwhile.
    ///
    /// - Throws: ``StoreError``, and what `body` throws.
    package func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try file.translatingErrors {
            try connections.read { connection in
                try connection.inDatabase { db in
                    try ChunkStore.transaction(.deferred, db) { (.commit, try body(db)) }
                }
            }
        }
    }

    /// Writes within one transaction, which is rolled back if `body` throws.
    ///
    /// - Throws: ``StoreError``, and what `body` throws.
    package func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try writing { db in (.commit, try body(db)) }
    }

    /// What `body` finds out in a transaction that is then rolled back. Where the file or its folder cannot be written, that
    /// is one of a temporary copy.
    package func undoing<Result>(_ body: (Database) throws -> Result) throws -> Result {
        guard !isInMemory, isReadOnly || access(FolderSync.folder(of: path), W_OK) != 0 else {
            return try writing { db in (.rollback, try body(db)) }
        }
        return try file.translatingErrors {
            let copy = try connections.read { connection in try RehearsalCopy(of: connection, file) }
            defer { copy.remove() }
            return try copy.use { db in
                try ChunkStore.transaction(.immediate, db) { (.rollback, try body(db)) }
            }
        }
    }

    /// Calls `body` with the connection that writes, outside of a transaction: for settings, and for tests that damage a
    /// file.
    package func withWriter<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try file.translatingErrors { try connections.writer().inDatabase(body) }
    }

    private func writing<Result>(
        _ body: (Database) throws -> (Database.TransactionCompletion, Result)
    ) throws -> Result {
        if isReadOnly { throw StoreError.readOnly(path: path) }
        return try file.translatingErrors {
            try connections.writer().inDatabase { db in
                // Immediate: a transaction that begins by reading and then finds the file locked cannot wait.
                try ChunkStore.transaction(.immediate, db) { try body(db) }
            }
        }
    }

    private static func transaction<Result>(
        _ kind: Database.TransactionKind, _ db: Database,
        _ body: () throws -> (Database.TransactionCompletion, Result)
    ) throws -> Result {
        var result: Result?
        try db.inTransaction(kind) {
            let (completion, value) = try body()
            result = value
            return completion
        }
        guard let result else { preconditionFailure("a transaction without a result") }
        return result
    }

    /// A number that is another one after each commit of anybody. To be asked for within a transaction.
    package func state(_ db: Database) throws -> UInt64 {
        // The transaction begins with its first statement.
        _ = try Int.fetchOne(try db.cachedStatement(sql: "SELECT 1 FROM chunk LIMIT 1"))
        var counter: UInt64 = 0
        let code = mr_sqlite_change_counter(db.sqliteConnection, &counter)
        guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        return counter
    }

    // MARK: Chunks

    /// Those of `ids` that the store does not have.
    ///
    /// - Complexity: O(ids).
    package func missing(_ ids: some Sequence<ContentID>) throws -> Set<ContentID> {
        try read { db in try ChunkTable.missing(ids, db) }
    }
}
