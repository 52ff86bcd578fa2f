import Checkpoints
import Foundations
import GRDB
import Glibc

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
    /// - Parameter other: It is read in one transaction, during which it cannot be written.
    /// - Throws: ``RegistryError``; ``RegistryError/mergeSource(path:_:)`` for what is wrong with `other`.
    /// - Complexity: O(bytes) of what is new, to decode and hash them.
    @discardableResult
    public func merge(
        _ other: Registry, options: MergeOptions = MergeOptions(), progress: ProgressHandler? = nil
    ) throws -> MergeReport {
        guard other !== self, !isSameFile(as: other) else { throw RegistryError.mergeWithItself(path: path) }
        let merge = Merge(ours: self, options: options, progress: progress)
        let report: MergeReport
        do {
            report = try other.read { theirs in try merge.run(theirs) }
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

    private func isSameFile(as other: Registry) -> Bool {
        var (mine, theirs) = (stat(), stat())
        guard path != ":memory:", stat(path, &mine) == 0, stat(other.path, &theirs) == 0 else { return false }
        return (mine.st_dev, mine.st_ino) == (theirs.st_dev, theirs.st_ino)
    }
}

/// Something wrong with the registry that is merged, and not with the one that it is merged into.
struct MergeSourceError: Error {
    let damage: RegistryError.Damage

    /// Calls `body`, which reads the other registry only.
    static func catching<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch RegistryError.damaged(let damage) {
            throw MergeSourceError(damage: damage)
        } catch let damage as RegistryError.Damage {
            throw MergeSourceError(damage: damage)
        } catch let error as DatabaseError where isOfContent(error) {
            let problem = error.message ?? "\(error.extendedResultCode)"
            throw MergeSourceError(damage: RegistryError.Damage(problem: problem))
        }
    }
}

extension MergeSourceError {
    /// Whether a failure is one of what the file holds, rather than of the disk or of a lock.
    private static func isOfContent(_ error: DatabaseError) -> Bool {
        [.SQLITE_ERROR, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_MISMATCH, .SQLITE_TOOBIG, .SQLITE_CONSTRAINT]
            .contains(error.resultCode)
    }
}

/// One merge: what is to come in, then chunks, versions, runs.
struct Merge {
    let ours: Registry
    let options: MergeOptions
    let progress: ProgressHandler?

    /// Leaves of the versions that one transaction inserts, about.
    private static let leafCountAtOnce = 20_000

    func run(_ theirs: Database) throws -> MergeReport {
        var report = MergeReport()
        let selection = try MergeSourceError.catching { try MergeSelection(theirs, options) }
        var map = VersionMap()
        let new = try ours.read { db in try map.match(selection.versions, db) }
        report.sameCount = selection.versions.count - new.count
        let source = ContentSource(theirs)
        let missing = try ours.read { db in
            try MergeSourceError.catching { try source.missingChunks(of: new, in: db) }
        }
        if options.dryRun {
            report.chunkCount = missing.count
            report.storedByteCount = try MergeSourceError.catching { try source.storedByteCount(of: missing) }
            try ours.read { db in
                report.added = try map.rehearse(new, db)
                try AliasImporter(theirs, options).rehearse(selection, map, db, &report)
                try RunImporter(theirs, options).rehearse(selection, db, &report)
            }
            return report
        }
        let importer = ChunkImporter(ours: ours, theirs: theirs, progress: progress)
        try importer.copy(missing, &report)
        let runs = RunImporter(theirs, options)
        let runIDs = try runs.copy(selection, into: ours, &report)
        try insert(new, theirs, source, importer, runIDs, &map, &report)
        try ours.write { db in
            try AliasImporter(theirs, options).insert(selection, map, db, &report)
            try LineageImporter(theirs).relink(db)
            if options.isArchiving { try archive(selection, theirs, db) }
            let counts = "{\"versions\":\(report.added.count),\"same\":\(report.sameCount)}"
            try EventTable.insert(
                db, options.isArchiving ? "export" : "merge", at: Timestamp.now(), detail: counts)
        }
        return report
    }

    /// Inserts versions, a bounded number of rows at a time.
    private func insert(
        _ new: [Version], _ theirs: Database, _ source: ContentSource, _ importer: ChunkImporter,
        _ runs: [Int64: Int64], _ map: inout VersionMap, _ report: inout MergeReport
    ) throws {
        let versions = VersionImporter(theirs, runs: runs)
        var rest = new[...]
        while !rest.isEmpty {
            var group: [VersionImporter.Checked] = []
            var leafCount = 0
            while let version = rest.first, leafCount < Merge.leafCountAtOnce {
                let checked = try MergeSourceError.catching { try versions.check(version) }
                group.append(checked)
                leafCount += checked.content.leaves.count + 100
                rest = rest.dropFirst()
            }
            while true {
                // A gc of another process may have removed chunks that no version needed yet: look again.
                let inserted = try ours.write { db -> (VersionMap, [MergeReport.Added])? in
                    guard try source.missingChunks(of: group.map(\.content.version), in: db).isEmpty else {
                        return nil
                    }
                    var map = map
                    var known = VersionImporter.KnownRows()
                    let added = try group.map { try versions.insert($0, &map, &known, db) }
                    return (map, added)
                }
                if let (newMap, added) = inserted {
                    map = newMap
                    report.added += added
                    break
                }
                let again = try ours.read { db in
                    try MergeSourceError.catching {
                        try source.missingChunks(of: group.map(\.content.version), in: db)
                    }
                }
                try importer.copy(again, &report)
            }
        }
    }

    /// What makes an archive the continuation of its registry: history and the next numbers.
    private func archive(_ selection: MergeSelection, _ theirs: Database, _ db: Database) throws {
        for model in selection.models {
            let rows = try Row.fetchCursor(
                theirs,
                sql: "SELECT at, actor, action, number, alias, detail FROM event WHERE model = ? ORDER BY id",
                arguments: [model.name])
            // What this merge itself has noted gives way.
            try db.execute(sql: "DELETE FROM event WHERE model = ?", arguments: [model.name])
            while let row = try rows.next() {
                try db.execute(
                    sql: "INSERT INTO event (at, actor, action, model, number, alias, detail) "
                        + "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    arguments: [
                        row["at"] as DatabaseValue, row["actor"] as DatabaseValue,
                        row["action"] as DatabaseValue,
                        model.name, row["number"] as DatabaseValue, row["alias"] as DatabaseValue,
                        row["detail"] as DatabaseValue,
                    ])
            }
            try db.execute(
                sql: "UPDATE model SET next_number = max(next_number, ?), created_at = ? WHERE name = ?",
                arguments: [model.nextNumber, model.createdAt, model.name])
        }
        try PackingRules(theirs).write(db)
    }
}
