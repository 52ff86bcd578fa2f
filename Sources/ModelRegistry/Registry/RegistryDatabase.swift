import CSQLiteShim
import Dispatch
import Foundations
import GRDB
import Synchronization
import Tensors

#if canImport(Glibc)
import Glibc
#endif

/// Opens registry files: knows their marks, schema and connection settings.
enum RegistryDatabase {
    /// "MReG", at byte 68 of the file: file(1) and modelreg know a registry by it.
    static let applicationID: UInt32 = 0x4D52_6547

    /// Bytes of a database page. Blobs are written and read about twice as fast as with SQLite's default of
    /// 4 KiB. Larger pages would be faster still, but every table and index takes at least one: an empty registry
    /// of 64 KiB pages is 2 MB.
    static let pageByteCount = 16384

    /// Opens the registry at `path`, or makes one.
    ///
    /// - Parameters:
    ///   - create: Whether to make a registry where there is no file.
    ///   - waitSeconds: How long to wait for other processes, at each transaction.
    ///   - contention: Is told whenever the connection has to wait.
    /// - Throws: ``RegistryError``.
    static func open(
        path: String, create: Bool, waitSeconds: Double, contention: LockContention
    ) throws -> DatabaseQueue {
        do {
            if try !isPresent(path) {
                guard create else { throw RegistryError.noRegistry(path: path) }
                try make(at: path)
            }
            var configuration = configuration(waitSeconds: waitSeconds, contention: contention)
            configuration.readonly = access(path, W_OK) != 0
            configuration.prepareDatabase { db in
                guard try Int.fetchOne(db, sql: "PRAGMA application_id") == Int(applicationID) else {
                    throw RegistryError.notARegistry(path: path)
                }
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try migrate(queue, path: path, isReadOnly: configuration.readonly)
            return queue
        } catch let error as DatabaseError {
            throw RegistryError(error, path: path, waitSeconds: waitSeconds)
        }
    }

    /// An in-memory registry, for tests and scratch work.
    static func openInMemory() throws -> DatabaseQueue {
        let queue = try DatabaseQueue(configuration: configuration(waitSeconds: 0))
        try migrate(queue, path: ":memory:", isReadOnly: false)
        return queue
    }

    private static func configuration(
        waitSeconds: Double, contention: LockContention = LockContention()
    ) -> Configuration {
        var configuration = Configuration()
        configuration.label = "modelreg"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .callback(waiting(seconds: waitSeconds, contention: contention))
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // Debian's SQLite overwrites what it deletes; weights are no secrets from their owner.
            try db.execute(sql: "PRAGMA secure_delete = OFF")
            try PageCache.large.apply(db)
            let code = mr_sqlite_harden(db.sqliteConnection)
            guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
        return configuration
    }

    /// Makes an empty registry that appears at `path` whole, or not at all.
    ///
    /// Several processes may try at once: one of them wins, and all go on with its file.
    private static func make(at path: String) throws {
        let temporary = try TemporarySibling(of: path)
        defer {
            close(temporary.descriptor)
            unlink(temporary.path)
        }
        var configuration = configuration(waitSeconds: 0)
        configuration.prepareDatabase { db in
            // Nobody sees the file before it is whole: it becomes durable once, and not with each change.
            try db.execute(sql: "PRAGMA synchronous = OFF")
            try db.execute(sql: "PRAGMA journal_mode = MEMORY")
            // These can be chosen for a new file only. Incremental: gc can cut off free pages a few at a time.
            try db.execute(sql: "PRAGMA page_size = \(pageByteCount)")
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        let queue = try DatabaseQueue(path: temporary.path, configuration: configuration)
        try migrate(queue, path: path, isReadOnly: false)
        try queue.close()
        guard fsync(temporary.descriptor) == 0 else {
            throw FileError(path: path, operation: .write, code: errno)
        }
        if link(temporary.path, path) == 0 { return }
        let code = errno
        if try code == EEXIST && isPresent(path) { return }
        // An empty file in its place, or a file system without hard links.
        guard rename(temporary.path, path) == 0 else {
            throw FileError(path: path, operation: .write, code: errno)
        }
    }

    /// Whether there is a file that may be a registry; an empty one is none yet.
    ///
    /// Looks at the file without opening it: closing a file drops all locks that this process has on it, also
    /// those of SQLite.
    private static func isPresent(_ path: String) throws -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw FileError(path: path, operation: .open, code: errno)
        }
        // SQLite takes a file of one byte for an empty one, and would write over it.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size != 1 else {
            throw RegistryError.notARegistry(path: path)
        }
        guard access(path, R_OK) == 0 else { throw FileError(path: path, operation: .open, code: errno) }
        return status.st_size > 0
    }

    private static func migrate(_ queue: DatabaseQueue, path: String, isReadOnly: Bool) throws {
        var migrator = DatabaseMigrator()
        for migration in embeddedMigrations {
            migrator.registerMigration(migration.identifier) { db in try db.execute(sql: migration.sql) }
        }
        let (isSuperseded, isComplete) = try queue.read { db in
            // Begins to read now: the migrator asks twice, and another process may be changing the schema.
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master")
            return (try migrator.hasBeenSuperseded(db), try migrator.hasCompletedMigrations(db))
        }
        if isSuperseded { throw RegistryError.newerRegistry(path: path) }
        if isComplete { return }
        if isReadOnly { throw RegistryError.readOnly(path: path) }
        do {
            try migrator.migrate(queue)
        } catch {
            // Another process that found the same older schema was faster.
            guard try queue.read(migrator.hasCompletedMigrations) else { throw error }
        }
    }

    /// Polls every millisecond, so that a reader gets in between two of a writer's transactions.
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
            usleep(1000)
            return true
        }
    }
}

extension RegistryError {
    /// What a failure inside SQLite means to a user.
    init(_ error: DatabaseError, path: String, waitSeconds: Double) {
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path, waitedSeconds: waitSeconds)
        case .SQLITE_READONLY, .SQLITE_PERM: self = .readOnly(path: path)
        case .SQLITE_NOTADB: self = .notARegistry(path: path)
        case .SQLITE_CORRUPT:
            self = .damaged(Damage(problem: error.message ?? "database disk image is malformed"))
        case .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_FULL:
            self = .inputOutput(
                path: path, message: error.message ?? "input/output error",
                code: Int(error.extendedResultCode.rawValue))
        default: self = .damaged(Damage(problem: error.message ?? "\(error.extendedResultCode)"))
        }
    }
}
