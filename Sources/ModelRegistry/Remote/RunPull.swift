import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Remotes

/// Brings the runs of versions in, each once.
///
/// Their records are read into a registry that is gone afterwards, and merged from it: which run is the same, what it is
/// called here and whose values count is as in a merge.
final class RunPull {
    private let ours: Registry
    private let store: any BlobStore
    /// Rows here by identity; `nil` for a run that is neither here nor there.
    private var rows: [String: Int64?] = [:]
    /// The runs that were not here before.
    private(set) var added: [String] = []

    /// Runs that one went on from, at most.
    private static let maximumDepth = 1000

    init(_ ours: Registry, _ store: any BlobStore) {
        self.ours = ours
        self.store = store
    }

    /// The row of a run, which is brought in if the remote has more of it than is here.
    ///
    /// - Throws: ``RemoteError``, ``RegistryError``.
    func row(of origin: RunOrigin) throws -> Int64? {
        if let known = rows[origin.identity] { return known }
        var records: [RemoteRun] = []
        var next: RunOrigin? = origin
        while let origin = next, rows[origin.identity] == nil, records.count < RunPull.maximumDepth {
            // Also one that is its own ancestor ends here.
            rows[origin.identity] = .some(try here(origin)?.row)
            guard let record = try RemoteRun(identity: origin.identity, in: store) else { break }
            records.append(record)
            next = record.facts.parent
        }
        // Only the outermost of them are new: one that is here as it is there has its parents here, too.
        let stale = try records.filter { record in
            guard let here = try here(record.facts.origin) else { return true }
            return here.heardAt < record.facts.heardAt
        }
        if !stale.isEmpty { try bringIn(stale.reversed()) }
        return rows[origin.identity] ?? nil
    }

    /// Brings in a run of which only the tag is known.
    ///
    /// - Throws: ``RemoteError``, ``RegistryError``.
    func bringIn(identity: String) throws {
        guard rows[identity] == nil, let record = try RemoteRun(identity: identity, in: store) else { return }
        _ = try row(of: record.facts.origin)
    }

    private func here(_ origin: RunOrigin) throws -> (row: Int64, heardAt: String)? {
        try ours.read { db in
            let modelID = try origin.model.map { model in
                try Int64.fetchOne(db, sql: "SELECT id FROM model WHERE name = ?", arguments: [model])
            }
            // Of a model that is not here.
            if case .some(.none) = modelID { return nil }
            let found = try RunImporter.find(
                name: origin.name, startedAt: origin.startedAt, modelID: modelID ?? nil, db)
            return try found.map { (try $0.value("id"), try $0.value("heard_at")) }
        }
    }

    /// - Parameter records: Parents first.
    private func bringIn(_ records: [RemoteRun]) throws {
        let staging = try Registry.inMemory()
        var parents: [String: Int64] = [:]
        for record in records {
            let facts = record.facts
            let attachments = try facts.attachments.map {
                ($0.name, AttachmentTable.Content(try record.bytes(of: $0)))
            }
            let row = try staging.write { db in
                let row = try facts.insert(
                    parent: facts.parent.flatMap { parents[$0.identity] }, remote: store.name, db)
                for (name, content) in attachments {
                    try AttachmentTable.insert(name, content, to: .run(row, replaces: true), db)
                }
                return row
            }
            parents[facts.origin.identity] = row
            try record.readMetrics { metrics in
                try staging.write { db in
                    for series in metrics.series {
                        try RunTable.insert(
                            db, row,
                            series.points.map {
                                LoggedMetric(
                                    name: series.name, step: $0.step, value: $0.value, seconds: $0.seconds)
                            })
                    }
                }
            }
        }
        let map: [Int64: Int64]
        do {
            let source = MergeSource(staging)
            let selection = try source.read { db in try MergeSelection(db, MergeOptions()) }
            var report = MergeReport()
            map = try RunImporter(source, MergeOptions()).copy(selection, into: ours, &report)
            added += report.addedRuns
        } catch let error as MergeSourceError {
            throw RemoteError.damaged(store.name, problem: error.damage.problem)
        }
        for (identity, row) in parents { rows[identity] = .some(map[row]) }
    }
}
