package import GRDB

/// Models, their versions and everything known about them, in one file.
///
/// ```swift
/// let registry = try Registry(path: "models.db")
/// try registry.save(model.stateDict(), as: "mlp", message: "baseline")
/// let weights: StateDict = try registry.load("mlp:v1")
/// ```
///
/// Each call is one transaction, or several of which each leaves the registry whole: a crash at any instant
/// leaves the old state or the new one. When a call that changes something returns, the change is durable.
/// May be used from several threads and, through the file, from several processes at once.
public final class Registry: Sendable {
    /// Where the registry is.
    public let path: String

    package let database: DatabaseQueue
    let packer = BackgroundPacker()
    let contention = LockContention()
    private let waitSeconds: Double
    package let packsInBackground: Bool

    /// How long a call waits for other processes unless told otherwise.
    public static let defaultWaitSeconds: Double = 10

    /// Opens the registry at `path`.
    ///
    /// - Parameters:
    ///   - create: Whether to make one where there is no file.
    ///   - waitSeconds: How long to wait for other processes that are writing, at each transaction.
    ///   - packsInBackground: Whether each save is followed by ``packNewVersions(of:progress:isCancelled:)``, behind
    ///     the caller's back; see ``waitForPacking()``. A process may end meanwhile: the next save goes on.
    /// - Throws: ``RegistryError`` when there is no registry, or another kind of file.
    public init(
        path: String, create: Bool = true, waitSeconds: Double = defaultWaitSeconds,
        packsInBackground: Bool = true
    ) throws {
        self.path = path
        self.waitSeconds = waitSeconds
        self.packsInBackground = packsInBackground
        database = try RegistryDatabase.open(
            path: path, create: create, waitSeconds: waitSeconds, contention: contention)
    }

    private init(inMemory database: DatabaseQueue) {
        path = ":memory:"
        waitSeconds = 0
        packsInBackground = false
        self.database = database
    }

    /// A registry without a file, gone when the last reference to it goes. Packed only when asked to.
    public static func inMemory() throws -> Registry {
        Registry(inMemory: try RegistryDatabase.openInMemory())
    }

    /// Packs what a save has left, if this registry does so in the background.
    func packInBackground(_ model: String) {
        guard packsInBackground else { return }
        packer.enqueue { [weak self] in _ = try self?.packNewVersions(of: model) }
    }

    /// How long to leave the lock alone between transactions, so that others who poll for it get it.
    static let pauseMicroseconds: UInt32 = 3000

    /// Reads within one transaction.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try translatingErrors { try database.read(body) }
    }

    /// Writes within one transaction, which is rolled back if `body` throws.
    func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try translatingErrors {
            try database.writeWithoutTransaction { db in
                var result: Result?
                // Immediate: a transaction that begins by reading and then finds the file locked cannot wait.
                try db.inTransaction(.immediate) {
                    result = try body(db)
                    return .commit
                }
                guard let result else { preconditionFailure("transaction without a result") }
                return result
            }
        }
    }

    /// What `body` finds out in a transaction that is then rolled back.
    func undoing<Result>(_ body: (Database) throws -> Result) throws -> Result {
        var result: Result?
        do {
            try write { db in
                result = try body(db)
                throw Undone()
            }
        } catch is Undone {}
        guard let result else { preconditionFailure("a transaction undone without a result") }
        return result
    }

    /// Whether the file cannot be written, so that every save fails.
    public var isReadOnly: Bool { database.configuration.readonly }

    private func translatingErrors<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw RegistryError(error, path: path, waitSeconds: waitSeconds)
        } catch let damage as RegistryError.Damage {
            throw RegistryError.damaged(damage)
        }
    }
}

/// Rolls back a transaction that was only to find something out.
private struct Undone: Error {}
