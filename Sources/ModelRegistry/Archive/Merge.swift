import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// One merge: what is to come in, then chunks, versions, runs.
///
/// No transaction of one registry is open while the other is used: two merges crosswise do not wait for each other.
struct Merge {
    let ours: Registry
    let source: MergeSource
    let options: MergeOptions
    let progress: ProgressHandler?

    /// Leaves of the versions that one transaction inserts, about.
    private static let leafCountAtOnce = 20_000

    func run() throws -> MergeReport {
        var report = MergeReport()
        let selection = try source.read { theirs in try MergeSelection(theirs, options) }
        let aliases = try AliasImporter(source, selection, options)
        var map = VersionMap()
        let new = try ours.read { db in try map.match(selection.versions, db) }
        report.sameCount = selection.versions.count - new.count
        let content = ContentSource(source, ours: ours)
        let missing = try content.missingChunks(of: new)
        let runs = RunImporter(source, options)
        if options.dryRun {
            report.chunkCount = missing.count
            report.storedByteCount = missing.reduce(0) { $0 + $1.location.storedByteCount }
            report.added = try ours.read { db in try map.rehearse(new, db) }
            try ours.read { db in try aliases.rehearse(map, db, &report) }
            try runs.rehearse(selection, ours, &report)
            return report
        }
        let importer = ChunkImporter(ours: ours, source: source, progress: progress)
        do {
            try importer.copy(missing, &report)
            let runIDs = try runs.copy(selection, into: ours, &report)
            try insert(new, content, importer, runIDs, &map, &report)
        } catch {
            importer.unfinished.abandon()
            throw error
        }
        let history = options.isArchiving ? try source.read { theirs in try History(theirs, selection) } : nil
        try ours.write { db in
            try importer.unfinished.end(db)
            try aliases.insert(map, db, &report)
            try LineageTable.relink(db)
            try history?.write(db)
            let counts = "{\"versions\":\(report.added.count),\"same\":\(report.sameCount)}"
            try EventTable.insert(
                db, options.isArchiving ? "export" : "merge", at: Timestamp.now(), detail: counts)
        }
        return report
    }

    /// Inserts versions, a bounded number of rows at a time.
    private func insert(
        _ new: [Version], _ content: ContentSource, _ importer: ChunkImporter, _ runs: [Int64: Int64],
        _ map: inout VersionMap, _ report: inout MergeReport
    ) throws {
        let versions = VersionImporter(source)
        var rest = new[...]
        var tensors: [Int64: NewTensor] = [:]
        while !rest.isEmpty {
            try Task.checkCancellation()
            var group: [ImportedVersion] = []
            var leafCount = 0
            while let version = rest.first, leafCount < Merge.leafCountAtOnce {
                rest = rest.dropFirst()
                do {
                    let checked = try versions.check(version, knowing: tensors)
                    tensors = checked.tensors
                    group.append(checked)
                    leafCount += checked.weight
                } catch RegistryError.deletedMeanwhile {
                    continue
                }
            }
            while true {
                let inserted = try ours.write { db -> (VersionMap, [MergeReport.Added])? in
                    // A gc may have removed chunks that were here before, and that nobody needed: look again.
                    guard try hasChunks(of: group, db) else { return nil }
                    var map = map
                    var known = ImportedVersion.KnownRows()
                    let added = try group.map { version in
                        let theirs = version.content.version
                        let number = try version.insert(runs: runs, &map, &known, db).number
                        return MergeReport.Added(
                            theirs: theirs.reference, ours: "\(theirs.model):v\(number)")
                    }
                    return (map, added)
                }
                if let (newMap, added) = inserted {
                    map = newMap
                    report.added += added
                    break
                }
                try importer.copy(try content.missingChunks(of: group.map(\.content.version)), &report)
            }
        }
    }

    private func hasChunks(of group: [ImportedVersion], _ db: Database) throws -> Bool {
        let tensors = group.flatMap(\.tensors.values)
        let known = try TensorTable.known(tensors.lazy.map(\.id), db)
        return try ChunkTable.missing(tensors.lazy.filter { !known.contains($0.id) }.flatMap(\.chunks), db)
            .isEmpty
    }
}

/// What makes an archive the continuation of its registry: history, the next numbers, and the rules of packing.
private struct History {
    private let models: [(model: MergeSelection.Model, events: [Row])]
    private let rules: PackingRules

    init(_ theirs: Database, _ selection: MergeSelection) throws {
        models = try selection.models.map { ($0, try EventTable.rows(theirs, model: $0.name)) }
        rules = try PackingRules(theirs)
    }

    func write(_ db: Database) throws {
        for (model, events) in models {
            // What this merge itself has recorded gives way.
            try EventTable.replace(events, model: model.name, db)
            try db.execute(
                sql: "UPDATE model SET next_number = max(next_number, ?), created_at = ? WHERE name = ?",
                arguments: [model.nextNumber, model.createdAt, model.name])
        }
        try rules.write(db)
    }
}
