public import Checkpoints
import Foundations
import Glibc
import Remotes

/// A version of a remote in a registry that is gone afterwards: to read it without bringing it in.
///
/// Only what was asked for is fetched. A tensor that was not is as one that was dropped: its type, shape and content id
/// are known, its bytes are not.
public final class RemoteView: Sendable {
    /// The registry that holds what was fetched.
    public let registry: Registry
    /// What the version is called in ``registry``.
    public let reference: String
    private let path: String?
    private let place: Int?

    /// Bytes of encoded chunks up to which no file is made.
    private static let maximumByteCountInMemory = 64 << 20

    /// Whether `text` is the address of a version at a remote, such as `oci://registry.example.com/team/mlp:best`.
    public static func isAddress(_ text: String) -> Bool { RemoteAddress.isAddress(text) }

    /// Fetches a version.
    ///
    /// - Parameters:
    ///   - address: `oci://host/namespace/model[:selector][~n][@sha256:prefix]`, or the same with `oci:folder/model` or
    ///     `s3://bucket/prefix/model`.
    ///   - includesContext: Whether to ask which aliases name the versions, and about their runs: some requests for each.
    ///   - selects: For each leaf of a version, whether its bytes are to be fetched.
    /// - Throws: `RemoteError`, ``RegistryError``, and what `selects` throws.
    /// - Complexity: A few requests for each version, and those for the selected bytes, each chunk once.
    public convenience init(
        _ address: String, includesContext: Bool = false, progress: ProgressHandler? = nil,
        selecting selects: @escaping (Manifest) throws -> [Bool]
    ) throws {
        let (repository, selector) = try RepositoryAddress.reading(address)
        // The name is of no account here: the selector alone is.
        try self.init(
            repository, VersionReference("x\(selector)"), text: address, includesContext: includesContext,
            progress: progress, selecting: selects)
    }

    /// - Parameter text: The reference, for messages.
    init(
        _ repository: RepositoryAddress, _ wanted: VersionReference, text: String, includesContext: Bool,
        progress: ProgressHandler?, selecting selects: @escaping (Manifest) throws -> [Bool]
    ) throws {
        let store = CachingBlobStore(try BlobStores.open(repository))
        let catalog = try RemoteCatalog(store)
        let entry = try catalog.resolve(wanted.selector, stepsBack: wanted.stepsBack)
        var report = PullReport()
        func pull(into registry: Registry, dryRun: Bool) throws {
            var pull = Pull(
                ours: registry, store: store, catalog: catalog, model: nil,
                options: PullOptions(dryRun: dryRun),
                progress: progress)
            pull.selects = selects
            pull.includesContext = includesContext
            try pull.run([entry], &report)
        }
        let memory = try Registry.inMemory()
        try pull(into: memory, dryRun: true)
        if report.fetchedByteCount <= RemoteView.maximumByteCountInMemory {
            registry = memory
            path = nil
            place = nil
        } else {
            let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
            let path = "\(folder)/.modelreg-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
            place = TemporaryFiles.note(path)
            registry = try Registry(path: path, packsInBackground: false)
            self.path = path
        }
        report = PullReport()
        try pull(into: registry, dryRun: false)
        guard let last = report.added.last?.ours else {
            throw RemoteError.damaged(store.name, problem: "a version that did not come in")
        }
        if let prefix = wanted.contentPrefix, let found = try? registry.version(last),
            !found.contentID.hex.hasPrefix(prefix)
        {
            throw RegistryError.contentMismatch(reference: text, found: found.contentID)
        }
        reference = last
    }

    deinit {
        guard let path else { return }
        try? registry.close()
        unlink(path)
        unlink("\(path)-journal")
        TemporaryFiles.forget(place)
    }
}
