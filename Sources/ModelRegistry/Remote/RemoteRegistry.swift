public import Checkpoints
public import Expressions
import Foundations
package import Remotes

/// The models at a remote, read there: nothing comes into a registry of one's own.
///
/// ```swift
/// let team = try RemoteRegistry("oci://registry.example.com/team")
/// let weights = try team.load("mlp:best", as: StateDict.self)
/// ```
///
/// Nothing that the remote sends is trusted: chunks are compared with their ids, versions with their content ids.
public struct RemoteRegistry: Sendable {
    private let address: RemoteAddress

    /// The remote at an address. Nothing is asked of it yet.
    ///
    /// - Parameter address: `oci://host/namespace` or `oci:folder`; never with credentials.
    /// - Throws: `RemoteError/badAddress(_:problem:)`.
    public init(_ address: String) throws { self.address = try RemoteAddress(address) }

    init(_ address: RemoteAddress) { self.address = address }

    /// The versions of a model, latest first.
    ///
    /// - Throws: `RemoteError`, ``RegistryError``.
    /// - Complexity: A number of requests that does not grow with that of the versions, and one for each alias.
    public func versions(of model: String) throws -> [Version] {
        try versionRecords(of: model).map(\.version)
    }

    /// The versions of a model that a condition holds for.
    ///
    /// Conditions ask for metrics, facts, settings of runs and ``VersionRecord/builtInNames``; plain values and tensors are not
    /// read.
    ///
    /// - Parameters:
    ///   - condition: `nil` for all.
    ///   - keys: In which order; latest first where there is none.
    ///   - limit: At most this many.
    /// - Throws: `RemoteError`, ``RegistryError``.
    /// - Complexity: As of ``versions(of:)``.
    public func versionRecords(
        of model: String, where condition: QueryExpression? = nil, sortedBy keys: [SortKey] = [],
        limit: Int? = nil
    ) throws -> [VersionRecord] {
        try RemoteRegistry.versionRecords(
            in: BlobStores.open(RepositoryAddress(address, model: model)), where: condition, sortedBy: keys,
            limit: limit)
    }

    /// The same of the model at an address such as `oci://registry.example.com/team/mlp`, which may have a selector: then it
    /// is the latest of them.
    public static func versionRecords(
        at address: String, where condition: QueryExpression? = nil, sortedBy keys: [SortKey] = [],
        limit: Int? = nil
    ) throws -> [VersionRecord] {
        let (repository, selector) = try RepositoryAddress.reading(address)
        return try versionRecords(
            in: BlobStores.open(repository), upTo: selector, where: condition, sortedBy: keys, limit: limit)
    }

    /// The same of the model in a store that the caller opens: for tests that count requests.
    package static func versionRecords(
        in store: any BlobStore, upTo selector: String = "", where condition: QueryExpression? = nil,
        sortedBy keys: [SortKey] = [], limit: Int? = nil
    ) throws -> [VersionRecord] {
        let catalog = try RemoteCatalog(CachingBlobStore(store))
        // The name is of no account here: the selector alone is.
        let wanted = try VersionReference("x\(selector)")
        let last = try catalog.resolve(wanted.selector, stepsBack: wanted.stepsBack)
        let listing = try RemoteListing(
            catalog, upTo: last, limit: condition == nil && keys.isEmpty ? limit : nil)
        return try listing.registry.versionRecords(where: condition, sortedBy: keys, limit: limit)
    }

    /// Fetches a version into a registry that is gone afterwards: to load, show or compare it.
    ///
    /// - Parameters:
    ///   - reference: `mlp:best`, `mlp:v7`, `mlp~1`.
    ///   - selects: For each leaf, whether its bytes are to be fetched; `nil` for all.
    /// - Throws: `RemoteError`, ``RegistryError``, and what `selects` throws.
    /// - Complexity: A few requests, and those for the selected bytes, each chunk once.
    public func fetch(
        _ reference: String, progress: ProgressHandler? = nil,
        selecting selects: ((Manifest) throws -> [Bool])? = nil
    ) throws -> RemoteView {
        let wanted = try VersionReference(reference)
        return try RemoteView(
            RepositoryAddress(address, model: wanted.model), wanted, text: reference, includesContext: false,
            progress: progress, selecting: selects ?? { manifest in manifest.leaves.map { _ in true } })
    }

    /// Loads a version, or part of it.
    ///
    /// - Parameter patterns: The leaves that are wanted, such as `encoder.*`; all where there is none.
    /// - Throws: `RemoteError`, ``RegistryError``.
    /// - Complexity: O(bytes of what is wanted), each chunk fetched once.
    public func load<Value: CheckpointConvertible>(
        _ reference: String, as type: Value.Type = Value.self, only patterns: [String] = [],
        progress: ProgressHandler? = nil
    ) throws -> Value {
        let view = try fetch(reference, progress: progress) { manifest in
            try PathSelection(patterns).selects(manifest.leaves.map(\.path))
        }
        return try view.registry.load(view.reference, as: type, only: patterns)
    }
}
