package import ChunkStore
import Foundations
import GRDB

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
/// May be used from several threads and, through the file, from several processes at once. Calls block; long ones have a
/// form that is awaited, and end with `CancellationError` where the task that they run in is cancelled: then the registry
/// is whole, and what a save has not finished is not there.
public final class Registry: Sendable {
    /// Where the registry is.
    public let path: String

    package let store: ChunkStore
    let packer = BackgroundPacker()
    package let packsInBackground: Bool

    /// How long a call waits for other processes unless told otherwise.
    public static let defaultWaitSeconds: Double = 10

    /// Opens the registry at `path`.
    ///
    /// - Parameters:
    ///   - create: Whether to make one where there is no file.
    ///   - isReadOnly: Whether calls that write are refused. A registry whose file cannot be written is opened so, too.
    ///   - waitSeconds: How long to wait for other processes that are writing, at each transaction.
    ///   - packsInBackground: Whether each save is followed by ``packNewVersions(of:progress:isCancelled:)`` in the
    ///     background; see ``waitForPacking()``. A process may end meanwhile: the next save goes on.
    /// - Throws: ``RegistryError`` when there is no registry, or another kind of file.
    public init(
        path: String, create: Bool = true, isReadOnly: Bool = false, waitSeconds: Double = defaultWaitSeconds,
        packsInBackground: Bool = true
    ) throws {
        self.path = path
        self.packsInBackground = packsInBackground
        store = try translatingErrors {
            try ChunkStore(
                path: path, schema: .registry, needs: .registry, create: create, isReadOnly: isReadOnly,
                waitSeconds: waitSeconds)
        }
    }

    private init(inMemory store: ChunkStore) {
        path = ":memory:"
        packsInBackground = false
        self.store = store
    }

    /// A registry without a file, gone when the last reference to it goes. Packed only when asked to.
    public static func inMemory() throws -> Registry {
        Registry(inMemory: try ChunkStore(inMemory: .registry, needs: .registry))
    }

    /// Packs what a save has left, if this registry does so in the background.
    func packInBackground(_ model: String) {
        guard packsInBackground else { return }
        packer.enqueue { [weak self] in _ = try self?.packNewVersions(of: model) }
    }

    /// Closes the file. Calls that are under way end first; later ones throw ``RegistryError/closed(path:)``.
    ///
    /// A registry that goes away is closed, too. Packing in the background is given up between two steps.
    ///
    /// - Throws: ``RegistryError``.
    public func close() throws { try translatingErrors { try store.close() } }

    /// Reads within one transaction, which is to be short.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try translatingErrors { try store.read(body) }
    }

    /// Writes within one transaction, which is rolled back if `body` throws.
    func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try translatingErrors { try store.write(body) }
    }

    /// What `body` finds out in a transaction that is then rolled back.
    func undoing<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try translatingErrors { try store.undoing(body) }
    }

    /// Whether the file cannot be written, so that every save fails.
    public var isReadOnly: Bool { store.isReadOnly }
}

extension StoreSchema {
    /// "MReG": file(1) and modelreg know a registry by it.
    static let registry = StoreSchema(
        applicationID: 0x4D52_6547, migrations: embeddedMigrations.map { ($0.identifier, $0.sql) })
}
