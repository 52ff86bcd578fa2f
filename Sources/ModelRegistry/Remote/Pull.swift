import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Remotes

/// How to pull.
public struct PullOptions: Sendable {
    /// Whether an alias that both have moves to the remote's version. A protected one stays.
    public var prefersTheirs: Bool
    /// Whether the aliases of the versions are set here.
    public var setsAliases: Bool
    /// Whether only to find out what would be fetched.
    public var dryRun: Bool

    /// Options as they are by default.
    public init(prefersTheirs: Bool = false, setsAliases: Bool = true, dryRun: Bool = false) {
        self.prefersTheirs = prefersTheirs
        self.setsAliases = setsAliases
        self.dryRun = dryRun
    }
}

/// What a pull did, or would do.
public struct PullReport: Hashable, Sendable {
    /// Versions that came in, what they are called there and here.
    public internal(set) var added: [MergeReport.Added] = []
    /// Versions that were here already.
    public internal(set) var same: [MergeReport.Added] = []
    /// Runs that came in, with settings and metrics.
    public internal(set) var runs: [String] = []
    /// Aliases that were set.
    public internal(set) var aliases: [String] = []
    /// Aliases that name different versions.
    public internal(set) var conflicts: [MergeReport.Conflict] = []
    /// Chunks that were fetched.
    public internal(set) var chunkCount = 0
    /// Their encoded bytes.
    public internal(set) var fetchedByteCount = 0
}

/// One pull of versions of one model.
struct Pull {
    let ours: Registry
    let store: any BlobStore
    let catalog: RemoteCatalog
    /// What the model is called here; `nil` for its name there.
    let model: String?
    let options: PullOptions
    let progress: ProgressHandler?
    /// Which leaves are wanted; others come in as if they had been dropped. For a registry that is gone afterwards.
    var selects: (Manifest) throws -> [Bool] = { manifest in manifest.leaves.map { _ in true } }

    /// Whether the runs of the versions come in, and their aliases are set here.
    var includesContext = true

    /// Pulls versions, the oldest first, so that each finds its parent.
    ///
    /// - Parameter withAllRuns: Whether the model's runs that saved nothing come in, too.
    func run(
        _ entries: [RemoteCatalog.Entry], withAllRuns: Bool = false, _ report: inout PullReport
    ) throws {
        var rows: [String: (row: Int64, number: Int, model: String)] = [:]
        let runs = RunPull(ours, store)
        for entry in entries.sorted(by: { ($0.number, $0.identity) < ($1.number, $1.identity) }) {
            try Task.checkCancellation()
            rows[entry.identity] = try pull(entry, runs, &report)
        }
        if withAllRuns, !options.dryRun {
            for tag in catalog.tags.sorted() {
                guard case .run(let identity) = RemoteTag(tag) else { continue }
                try runs.bringIn(identity: identity)
            }
        }
        report.runs += runs.added
        try pullAliases(of: rows, &report)
    }

    // MARK: A version

    /// - Returns: The version's row; `nil` where nothing was done.
    private func pull(
        _ entry: RemoteCatalog.Entry, _ runs: RunPull, _ report: inout PullReport
    ) throws -> (row: Int64, number: Int, model: String)? {
        guard let remote = try RemoteVersion(.tag(entry.tag), in: store) else {
            throw RemoteError.damaged(
                store.name, problem: "the version \(entry.tag) is gone; perhaps it was just deleted")
        }
        guard remote.identity == entry.identity else {
            throw RemoteError.damaged(store.name, problem: "the tag \(entry.tag) is of another version")
        }
        let name = model ?? remote.facts.model
        do { try Names.checkModel(name) } catch {
            throw RemoteError.damaged(store.name, problem: "a model of the impossible name \(quoted(name))")
        }
        let theirs = "\(remote.facts.model):v\(entry.number)"
        let wantsRun = includesContext && !options.dryRun
        let run = wantsRun ? try remote.facts.run.flatMap { try runs.row(of: $0) } : nil
        if let known = try ours.read({ db in try find(remote, name, db) }) {
            report.same.append(MergeReport.Added(theirs: theirs, ours: "\(name):v\(known.number)"))
            return (known.row, known.number, name)
        }
        let fetched = try FetchedVersion(remote, as: name, selecting: selects)
        let importer = RemoteChunkImporter(ours: ours, store: store, progress: nil)
        var missing = try importer.missing(fetched.wantedChunks, of: fetched.tree)
        if options.dryRun {
            let chunks = missing.flatMap { $0 }
            report.chunkCount += chunks.count
            report.fetchedByteCount += chunks.reduce(0) { $0 + $1.range.count }
            report.added.append(MergeReport.Added(theirs: theirs, ours: "\(name):v\(entry.number)"))
            return nil
        }
        let attachments = try remote.facts.attachments.map { attachment in
            (attachment.name, AttachmentTable.Content(try remote.bytes(of: attachment)))
        }
        do {
            while true {
                let total = missing.joined().reduce(0) { $0 + $1.range.count }
                let throttled = progress.map { ThrottledProgress($0, total: total) }
                let counting = RemoteChunkImporter(
                    ours: ours, store: store, sharing: importer.unfinished, progress: { throttled?.add($0) })
                let copied = try counting.copy(missing, kinds: fetched.kinds)
                report.chunkCount += copied.chunkCount
                report.fetchedByteCount += copied.byteCount
                try fetched.proveViews(in: ours)
                let inserted = try ours.write { db in
                    try insert(fetched, attachments, run: run, importer.unfinished, db)
                }
                if let inserted {
                    report.added.append(MergeReport.Added(theirs: theirs, ours: "\(name):v\(inserted.number)"))
                    return (inserted.row, inserted.number, name)
                }
                // A gc has removed chunks that were here before, and that nobody needed.
                missing = try importer.missing(fetched.wantedChunks, of: fetched.tree)
            }
        } catch {
            importer.unfinished.abandon()
            throw error
        }
    }

    /// The same version here: of the model, with this content and time of saving. One that was deleted here counts.
    private func find(
        _ remote: RemoteVersion, _ model: String, _ db: Database
    ) throws -> (row: Int64, number: Int)? {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT version.id, version.number FROM version JOIN model ON model.id = version.model
                    WHERE content_id = ? AND version.created_at = ? AND model.name = ? ORDER BY version.id LIMIT 1
                    """), arguments: [remote.contentID.data, remote.facts.createdAt, model])
        return try row.map { (try $0.value("id"), try $0.value("number")) }
    }

    /// Inserts a version, whose chunks are here, unless a gc has removed some meanwhile.
    ///
    /// - Returns: `nil` where chunks are missing.
    private func insert(
        _ fetched: FetchedVersion, _ attachments: [(name: String, content: AttachmentTable.Content)],
        run: Int64?, _ unfinished: UnfinishedWrite, _ db: Database
    ) throws -> ImportedVersion.Inserted? {
        guard try ChunkTable.missing(fetched.wantedChunks, db).isEmpty else { return nil }
        var map = VersionMap()
        if let parent = try self.parent(of: fetched.remote.facts, db) { map[0] = parent }
        var known = ImportedVersion.KnownRows()
        let imported = try fetched.imported(
            hasParent: map[0] != nil, hasRun: run != nil, attachments: attachments)
        let inserted = try imported.insert(runs: run.map { [0: $0] } ?? [:], &map, &known, db)
        for tensor in fetched.unwantedTensors { _ = try TensorTable.findOrInsert(tensor, db) }
        try check(inserted.row, db)
        try LineageTable.relink(db)
        try unfinished.end(db)
        try EventTable.insert(db, "pull", model: fetched.model, number: inserted.number, at: Timestamp.now())
        return inserted
    }

    /// The row of a version's parent, if it is here.
    private func parent(of facts: VersionFacts, _ db: Database) throws -> Int64? {
        guard let parent = facts.parent, let id = ContentID(hex: parent.contentID),
            let createdAt = parent.createdAt
        else { return nil }
        return try Int64.fetchOne(
            db, sql: "SELECT id FROM version WHERE content_id = ? AND created_at = ? ORDER BY id LIMIT 1",
            arguments: [id.data, createdAt])
    }

    /// Reads a new version as a load would, in the transaction that inserts it: what does not load is not there.
    private func check(_ row: Int64, _ db: Database) throws {
        do {
            let version = try VersionTable.version(db, rowID: row)
            let content = try VersionContent(db, version)
            try StorageLayout.check(content)
            if let source = try SourceFileRow(db, version) {
                _ = try source.places(source.recipe(leafCount: content.leaves.count), content)
            }
        } catch let damage as StoreDamage {
            throw RemoteError.damaged(store.name, problem: damage.problem)
        } catch let damage as RegistryError.Damage {
            throw RemoteError.damaged(store.name, problem: damage.problem)
        } catch RegistryError.damaged(let damage) {
            throw RemoteError.damaged(store.name, problem: damage.problem)
        }
    }

    // MARK: Aliases

    private func pullAliases(
        of rows: [String: (row: Int64, number: Int, model: String)], _ report: inout PullReport
    ) throws {
        guard includesContext, options.setsAliases, !rows.isEmpty, !options.dryRun else { return }
        for alias in catalog.aliases {
            guard (try? Names.checkAlias(alias)) != nil, let identity = try catalog.identity(ofTag: alias),
                let version = rows[identity]
            else { continue }
            let repository = store.name
            if let conflict = try ours.write({ db in
                try set(alias, version, identity, repository: repository, db)
            }) {
                report.conflicts.append(conflict)
                guard conflict.isTheirs else { continue }
            }
            report.aliases.append("\(version.model):\(alias)")
        }
    }

    /// - Returns: The conflict, where the alias names another version here.
    private func set(
        _ alias: String, _ version: (row: Int64, number: Int, model: String), _ identity: String,
        repository: String, _ db: Database
    ) throws -> MergeReport.Conflict? {
        let modelID = try VersionTable.modelID(db, version.model)
        let current = try Row.fetchOne(
            db,
            sql: """
                SELECT version.id, version.number, is_protected FROM alias JOIN version ON version.id = alias.version
                WHERE alias.model = ? AND alias.name = ?
                """, arguments: [modelID, alias])
        var conflict: MergeReport.Conflict?
        if let current, try current.value("id", as: Int64.self) != version.row {
            let isProtected = try current.value("is_protected", as: Int.self) == 1
            // Where nobody has moved it here since it was last seen there, it follows.
            let last = try RemoteTable.identity(repository: repository, alias: alias, db)
            let here = try VersionTable.version(db, rowID: current.value("id"))
            let isAsSeen = last == RemoteTag.identity(here.contentID, createdAt: Timestamp.text(here.createdAt))
            let moves = (options.prefersTheirs || isAsSeen) && !isProtected
            if !isAsSeen || isProtected {
                conflict = MergeReport.Conflict(
                    alias: "\(version.model):\(alias)", ours: here.reference,
                    theirs: "\(version.model):v\(version.number)", isTheirs: moves)
            }
            guard moves else { return conflict }
        }
        let isAlive = try Bool.fetchOne(
            db, sql: "SELECT 1 FROM version WHERE id = ? AND deleted_at IS NULL", arguments: [version.row])
        guard isAlive == true else { return conflict }
        if try current?.value("id", as: Int64.self) != version.row {
            try AliasTable.set(
                db, alias, modelID: modelID, model: version.model, versionID: version.row,
                number: version.number,
                at: Timestamp.now())
        }
        try RemoteTable.note(repository: repository, alias: alias, identity: identity, db)
        return conflict
    }
}
