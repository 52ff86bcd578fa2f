import CSQLiteShim
import Dispatch
import Foundations
import GRDB
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The file of a store: its marks, its schema, and the settings of connections to it.
struct StoreFile: Sendable {
    let path: String
    let schema: StoreSchema
    /// Whether writing is refused, whatever the file's permissions.
    let isReadOnly: Bool
    /// How long to wait for other processes, at each transaction.
    let waitSeconds: Double
    /// Is told whenever a connection has to wait.
    let contention: LockContention

    /// Bytes of a database page. Blobs are written and read about twice as fast as with SQLite's default of
    /// 4 KiB. Larger pages would be faster still, but every table and index takes at least one: an empty file
    /// of 64 KiB pages is 2 MB.
    static let pageByteCount = 16384

    /// Opens the file, or makes one, and brings its schema up to date.
    ///
    /// - Parameter create: Whether to make a file where there is none.
    /// - Throws: ``StoreError``, `FileError`.
    func open(create: Bool) throws -> DatabaseQueue {
        try translatingErrors {
            if try !isPresent() {
                guard create, !isReadOnly else { throw StoreError.missing(path: path) }
                try make()
            }
            let queue = try connect()
            try migrate(queue)
            try queue.read(requireTables)
            return queue
        }
    }

    /// Checks that what should be tables are: a view in place of one could compute for ever.
    private func requireTables(_ db: Database) throws {
        let tables = try Set(String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'"))
        if let missing = schema.tables.first(where: { !tables.contains($0) }) {
            throw StoreError.malformed(problem: "\"\(missing)\" is not a table")
        }
    }

    /// One more connection to a file that has been opened.
    ///
    /// - Throws: ``StoreError``.
    func connect() throws -> DatabaseQueue {
        var configuration = configuration()
        configuration.readonly = isReadOnly || access(path, W_OK) != 0
        let (path, id) = (path, Int(schema.applicationID))
        configuration.prepareDatabase { db in
            guard try Int.fetchOne(db, sql: "PRAGMA application_id") == id else {
                throw StoreError.notAStore(path: path)
            }
        }
        return try translatingErrors { try DatabaseQueue(path: path, configuration: configuration) }
    }

    /// A connection to an empty file that becomes a copy of this one, and is worth nothing after the process.
    func connectToCopy(at path: String) throws -> DatabaseQueue {
        var configuration = configuration()
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA synchronous = OFF") }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// An in-memory database with the schema.
    func openInMemory() throws -> DatabaseQueue {
        let queue = try DatabaseQueue(configuration: configuration())
        try migrate(queue)
        return queue
    }

    /// Calls `body`, and says of a failure inside SQLite what it means.
    func translatingErrors<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw StoreError(error, path: path, waitSeconds: waitSeconds)
        }
    }

    private func configuration() -> Configuration {
        // Before the first file is opened. Without such locks, plain ones do.
        _ = mr_sqlite_lock_by_description()
        var configuration = Configuration()
        configuration.label = "modelreg.store"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .callback(StoreFile.waiting(seconds: waitSeconds, contention: contention))
        configuration.prepareDatabase { db in
            // FULL would not wait for the folder after a commit has removed the journal: a power cut would bring it, and the
            // state before, back.
            try db.execute(sql: "PRAGMA synchronous = EXTRA")
            // Debian's SQLite overwrites what it deletes; weights are no secrets from their owner.
            try db.execute(sql: "PRAGMA secure_delete = OFF")
            try PageCache.reading.apply(db)
            let code = mr_sqlite_harden(db.sqliteConnection)
            guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
        return configuration
    }

    /// Makes an empty file that appears at `path` whole, or not at all.
    ///
    /// Several processes may try at once: one of them wins, and all go on with its file.
    private func make() throws {
        // Where its target is missing, as that of a disk that is not mounted, a link is not to give way to a file.
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK {
            throw FileError(path: path, operation: .write, code: ENOENT)
        }
        let temporary = try TemporarySibling(of: path)
        defer { temporary.remove() }
        var configuration = configuration()
        let applicationID = schema.applicationID
        configuration.prepareDatabase { db in
            // Nobody sees the file before it is whole: it becomes durable once, and not with each change.
            try db.execute(sql: "PRAGMA synchronous = OFF")
            try db.execute(sql: "PRAGMA journal_mode = MEMORY")
            // These can be chosen for a new file only. Incremental: gc can cut off free pages a few at a time.
            try db.execute(sql: "PRAGMA page_size = \(StoreFile.pageByteCount)")
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        let queue = try DatabaseQueue(path: temporary.path, configuration: configuration)
        try migrate(queue)
        try queue.close()
        guard fsync(temporary.descriptor) == 0 else {
            throw FileError(path: path, operation: .write, code: errno)
        }
        if link(temporary.path, path) != 0 {
            let code = errno
            if try code == EEXIST && isPresent() { return }
            // An empty file in its place, or a file system without hard links.
            guard rename(temporary.path, path) == 0 else {
                throw FileError(path: path, operation: .write, code: errno)
            }
        }
        try FolderSync.sync(folderOf: path)
    }

    /// Whether there is a file that may be a store; an empty file is not one yet.
    ///
    /// Looks at the file without opening it: where locks are plain ones, closing a file drops all that this process has
    /// on it, also those of SQLite.
    private func isPresent() throws -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw FileError(path: path, operation: .open, code: errno)
        }
        // SQLite takes a file of one byte for an empty one, and would write over it.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size != 1 else {
            throw StoreError.notAStore(path: path)
        }
        guard access(path, R_OK) == 0 else { throw FileError(path: path, operation: .open, code: errno) }
        return status.st_size > 0
    }

    private func migrate(_ queue: DatabaseQueue) throws {
        var migrator = DatabaseMigrator()
        for migration in schema.migrations {
            migrator.registerMigration(migration.identifier) { db in try db.execute(sql: migration.sql) }
        }
        let (isSuperseded, isComplete) = try queue.read { db in
            // Begins to read now: the migrator asks twice, and another process may be changing the schema.
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master")
            return (try migrator.hasBeenSuperseded(db), try migrator.hasCompletedMigrations(db))
        }
        if isSuperseded { throw StoreError.newer(path: path) }
        if isComplete { return }
        if queue.configuration.readonly { throw StoreError.readOnly(path: path) }
        do {
            try migrator.migrate(queue)
        } catch {
            // Another process that found the same older schema was faster.
            guard try queue.read(migrator.hasCompletedMigrations) else { throw error }
        }
    }

    /// Polls, so that a reader gets in between two of a writer's transactions.
    private static func waiting(
        seconds: Double, contention: LockContention
    ) -> @Sendable (Int) -> Bool {
        let start = Mutex(DispatchTime.now())
        return { attempt in
            contention.note()
            let now = DispatchTime.now()
            let begin = start.withLock { start in
                if attempt == 0 { start = now }
                return start
            }
            guard Double(now.uptimeNanoseconds - begin.uptimeNanoseconds) / 1e9 < seconds else { return false }
            usleep(LockPolicy.pollMicroseconds)
            return true
        }
    }
}

/// What makes a file a store of its owner: the mark, and the tables of chunks and of the owner.
package struct StoreSchema: Sendable {
    /// SQLite's application id, at byte 68 of the file: file(1) knows the file by it.
    package let applicationID: UInt32
    /// SQL that makes the tables, oldest first; each runs once.
    package let migrations: [(identifier: String, sql: String)]

    /// The names of the tables that they make.
    let tables: [String]

    package init(applicationID: UInt32, migrations: [(identifier: String, sql: String)]) {
        self.applicationID = applicationID
        self.migrations = migrations
        tables = migrations.flatMap { migration in
            migration.sql.matches(of: /(?m)^CREATE TABLE (\w+)/).map { String($0.output.1) }
        }
    }
}
