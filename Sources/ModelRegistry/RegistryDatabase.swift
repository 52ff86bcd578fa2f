import CSQLiteShim
import Dispatch
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
    /// - Throws: ``RegistryError``.
    static func open(path: String, create: Bool, waitSeconds: Double) throws -> DatabaseQueue {
        let exists = try check(path: path)
        guard exists || create else { throw RegistryError.noRegistry(path: path) }
        var configuration = Configuration()
        configuration.label = "modelreg"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .callback(waiting(seconds: waitSeconds))
        configuration.readonly = exists && access(path, W_OK) != 0
        configuration.prepareDatabase { db in
            // These two take effect on a new file only. Incremental: gc can cut off free pages a few at a time.
            try db.execute(sql: "PRAGMA page_size = \(pageByteCount)")
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // Debian's SQLite overwrites what it deletes; weights are no secrets from their owner.
            try db.execute(sql: "PRAGMA secure_delete = OFF")
            try db.execute(sql: "PRAGMA cache_size = -65536")
            let code = mr_sqlite_harden(db.sqliteConnection)
            guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try migrate(queue, path: path, isReadOnly: configuration.readonly)
            return queue
        } catch let error as DatabaseError {
            throw RegistryError(error, path: path, waitSeconds: waitSeconds)
        }
    }

    /// An in-memory registry, for tests and scratch work.
    static func openInMemory() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        let queue = try DatabaseQueue(configuration: configuration)
        try migrate(queue, path: ":memory:", isReadOnly: false)
        return queue
    }

    /// Whether there is a file, which then is a registry or empty.
    private static func check(path: String) throws -> Bool {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw FileError(path: path, operation: .open, code: errno)
        }
        defer { close(descriptor) }
        var header = [UInt8](repeating: 0, count: 100)
        let count = header.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else {
            let code = errno
            if code == EISDIR { throw RegistryError.notARegistry(path: path) }
            throw FileError(path: path, operation: .read, code: code)
        }
        if count == 0 { return true }
        let isSQLite = count == 100 && header.starts(with: "SQLite format 3\0".utf8)
        let id = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard isSQLite, id == applicationID else { throw RegistryError.notARegistry(path: path) }
        return true
    }

    private static func migrate(_ queue: DatabaseQueue, path: String, isReadOnly: Bool) throws {
        var migrator = DatabaseMigrator()
        for migration in embeddedMigrations {
            migrator.registerMigration(migration.identifier) { db in try db.execute(sql: migration.sql) }
        }
        let (isSuperseded, isComplete) = try queue.read { db in
            (try migrator.hasBeenSuperseded(db), try migrator.hasCompletedMigrations(db))
        }
        if isSuperseded { throw RegistryError.newerRegistry(path: path) }
        if isComplete { return }
        if isReadOnly { throw RegistryError.readOnly(path: path) }
        // Before any table, so that a crash while a registry is being made leaves an empty file or a registry.
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        try migrator.migrate(queue)
    }

    /// Polls every millisecond, so that a reader gets in between two of a writer's transactions.
    private static func waiting(seconds: Double) -> @Sendable (Int) -> Bool {
        let start = Mutex(DispatchTime.now())
        return { attempt in
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
