import Foundations

/// How to merge another registry.
public struct MergeOptions: Sendable {
    /// Which of its models; `nil` for all, and runs of no model as well.
    public var models: [String]?
    /// Which of its versions, such as `mlp:v3`; `nil` for all of the models.
    public var versions: [String]?
    /// Whether an alias that both have moves to their version. A protected one stays.
    public var prefersTheirs: Bool
    /// Whether only to say what would be done.
    public var dryRun: Bool
    /// Whether what was done to the models comes along, and their numbers go on where they were: for an archive.
    var isArchiving = false

    /// Options as they are unless said otherwise.
    public init(
        models: [String]? = nil, versions: [String]? = nil, prefersTheirs: Bool = false, dryRun: Bool = false
    ) {
        self.models = models
        self.versions = versions
        self.prefersTheirs = prefersTheirs
        self.dryRun = dryRun
    }
}

/// What a merge did, or would do.
public struct MergeReport: Hashable, Sendable {
    /// A version or run that came in, what it was called there, and what it is called here.
    public struct Added: Hashable, Sendable {
        /// There: `mlp:v3`.
        public let theirs: String
        /// Here: `mlp:v7`.
        public let ours: String
    }

    /// An alias that both registries have, on different versions.
    public struct Conflict: Hashable, Sendable {
        /// The alias: `mlp:best`.
        public let alias: String
        /// The version that it named here.
        public let ours: String
        /// The version that it names there, as it is called here.
        public let theirs: String
        /// Whether it moved to theirs.
        public let isTheirs: Bool
    }

    /// Versions that came in, by model and number.
    public internal(set) var added: [Added] = []
    /// Versions that were here already.
    public internal(set) var sameCount = 0
    /// Aliases that were set, beside conflicts.
    public internal(set) var aliases: [String] = []
    /// Aliases that name different versions.
    public internal(set) var conflicts: [Conflict] = []
    /// Runs that came in, as they are called here.
    public internal(set) var addedRuns: [String] = []
    /// Those of them whose name another run has here.
    public internal(set) var renamedRuns: [Added] = []
    /// Chunks that were copied.
    public internal(set) var chunkCount = 0
    /// Encoded bytes of these.
    public internal(set) var storedByteCount = 0
}

extension Registry {
    /// Brings the versions of another registry into this one: content once, with metrics, facts, attachments, runs,
    /// notes and lineage.
    ///
    /// A version is the same where model, content id and time of saving are. Others come in with their own number
    /// where it is higher than all that the model has had here, or with the next one; then the fact
    /// `original_version` tells the old number. Of an alias that both have, ours stays unless said otherwise. A run
    /// is the same where model, name and beginning are; another one of that name is called `name-2`.
    ///
    /// Each chunk is decoded and compared with its hash before it comes in, and rows are checked as when they are
    /// loaded: a damaged or hostile registry ends the merge with an error, and what has come in by then is whole.
    /// Chunks come first, versions when all they need is there, some at a time: a merge that is interrupted goes on
    /// where it was when it is called again.
    ///
    /// - Parameter other: It is read in many short transactions: what is saved to it meanwhile may be left out, and a
    ///   version that is deleted meanwhile is.
    /// - Throws: ``RegistryError``; ``RegistryError/mergeSource(path:_:)`` for what is wrong with `other`.
    /// - Complexity: O(bytes) of what is new, to decode and hash them.
    @discardableResult
    public func merge(
        _ other: Registry, options: MergeOptions = MergeOptions(), progress: ProgressHandler? = nil
    ) throws -> MergeReport {
        guard other !== self, path == ":memory:" || !FileIdentity.isSame(path, other.path) else {
            throw RegistryError.sameRegistry(path: path)
        }
        let report: MergeReport
        do {
            report = try translatingErrors {
                try Merge(ours: self, source: MergeSource(other), options: options, progress: progress).run()
            }
        } catch let error as MergeSourceError {
            throw RegistryError.mergeSource(path: other.path, error.damage)
        }
        if !options.dryRun {
            for model in Set(report.added.compactMap { try? VersionReference($0.ours).model }) {
                packInBackground(model)
            }
        }
        return report
    }
}
