import Checkpoints
import Foundations
import GRDB
import Remotes

/// The versions of a repository with what is known of them beside their weights, in a registry that is gone afterwards.
///
/// Facts come from the repository's index; those that it lacks come from the versions themselves, a few requests each.
struct RemoteListing {
    /// Versions that an index may lack before a push writes it anew: what a listing asks for one by one, at most.
    static let staleCount = 16

    let registry: Registry

    /// Reads the facts of versions.
    ///
    /// - Parameters:
    ///   - last: The latest of them.
    ///   - limit: At most this many, the latest; `nil` for all.
    /// - Throws: ``RemoteError``, ``RegistryError``.
    /// - Complexity: A number of requests that does not grow with that of the versions; one for each alias, and two for
    ///   each run that the index lacks.
    init(_ catalog: RemoteCatalog, upTo last: RemoteCatalog.Entry, limit: Int? = nil) throws {
        let store = catalog.store
        // A version under a tag of another tool's is there alone.
        let end = catalog.entries.firstIndex(of: last)
        let all = end.map { catalog.entries[...$0] } ?? [last]
        let entries = Array(all.suffix(limit ?? .max))
        let index = catalog.hasIndex ? try VersionIndex(in: store) ?? VersionIndex() : VersionIndex()
        let facts = try RemoteListing.facts(of: entries, index, store)
        let runs = try RemoteListing.runs(of: facts.compactMap { $0?.run }, index, store)
        var identities: [String: String] = [:]
        for alias in catalog.aliases { identities[alias] = try catalog.identity(ofTag: alias) }
        registry = try Registry.inMemory()
        try registry.write { db in
            var runRows: [String: Int64] = [:]
            for run in runs {
                // Without the run that it went on from: listings do not show it.
                runRows[run.origin.identity] = try run.insert(parent: nil, remote: store.name, db)
            }
            var known = ImportedVersion.KnownRows()
            var rows: [String: (row: Int64, number: Int, model: String)] = [:]
            for (entry, facts) in zip(entries, facts) {
                guard let facts else { continue }
                let checked = try CheckedFacts(facts, model: facts.model, from: store.name)
                let run = facts.run.flatMap { runRows[$0.identity] }
                var map = VersionMap()
                let inserted = try ImportedVersion(listing: checked, hasRun: run != nil)
                    .insert(runs: run.map { [0: $0] } ?? [:], &map, &known, db)
                rows[entry.identity] = (inserted.row, inserted.number, facts.model)
            }
            for (alias, identity) in identities {
                guard let version = rows[identity], (try? Names.checkAlias(alias)) != nil else { continue }
                try AliasTable.set(
                    db, alias, modelID: VersionTable.modelID(db, version.model), model: version.model,
                    versionID: version.row, number: version.number, at: Timestamp.now())
            }
        }
    }

    // MARK: Facts

    /// The facts of versions; `nil` for one that is gone.
    private static func facts(
        of entries: [RemoteCatalog.Entry], _ index: VersionIndex, _ store: any BlobStore
    ) throws -> [VersionFacts?] {
        try ConcurrentMap.map(entries) { entry in
            try Task.checkCancellation()
            if let facts = index.versions[entry.tag], isOf(facts, entry) { return facts }
            return try RemoteVersion(.tag(entry.tag), in: store)?.facts
        }
    }

    /// Whether facts are those of a version: an index may come from anybody.
    private static func isOf(_ facts: VersionFacts, _ entry: RemoteCatalog.Entry) -> Bool {
        ContentID(hex: facts.contentID).map { RemoteTag.identity($0, createdAt: facts.createdAt) }
            == entry.identity && facts.number == entry.number
    }

    private static func runs(
        of origins: [RunOrigin], _ index: VersionIndex, _ store: any BlobStore
    ) throws -> [RunFacts] {
        var seen: Set<String> = []
        return try origins.filter { seen.insert($0.identity).inserted }.compactMap { origin in
            if let facts = index.runs[origin.identity], facts.origin == origin { return facts }
            return try RemoteRun(identity: origin.identity, in: store)?.facts
        }
    }

    // MARK: Index

    /// Writes a repository's index anew, where it lacks too many versions.
    ///
    /// - Parameter countBefore: How many versions the repository had when the index was last looked at.
    /// - Throws: ``RemoteError``.
    static func updateIndex(_ catalog: RemoteCatalog, countBefore: Int) throws {
        let count = catalog.entries.count
        // Each push looks at the count alone, so that most ask for nothing.
        guard count / staleCount > countBefore / staleCount else { return }
        let store = catalog.store
        let old = try VersionIndex(in: store) ?? VersionIndex()
        var new = VersionIndex()
        for (entry, facts) in zip(catalog.entries, try facts(of: catalog.entries, old, store)) {
            new.versions[entry.tag] = facts
        }
        for run in try runs(of: new.versions.values.compactMap(\.run), VersionIndex(), store) {
            new.runs[run.origin.identity] = run
        }
        // Another push has just written it: theirs does, too.
        do { try new.write(to: store) } catch RemoteError.changedMeanwhile {}
    }
}

extension ImportedVersion {
    /// A version without its weights, for a registry that is gone afterwards.
    fileprivate init(listing facts: CheckedFacts, hasRun: Bool) throws {
        let version = facts.version
        self.init(
            content: VersionContent(
                version: version, structure: try Structure(json: "{\"dict\":[]}"), leaves: []),
            summary: VersionTable.Summary(
                contentID: version.contentID, kind: version.kind, tensorCount: version.tensorCount,
                byteCount: version.byteCount),
            parent: nil, run: hasRun ? 0 : nil, step: version.step, environment: facts.environment,
            tensors: [:],
            droppedAt: nil, metrics: facts.metrics, attributes: facts.attributes, attachments: [],
            sourceFile: nil, notes: [], lineage: [])
    }
}
