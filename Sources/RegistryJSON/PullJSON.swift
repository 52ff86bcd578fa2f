package import ModelReg

/// What a pull did, as JSON shows it.
package struct PullJSON: Encodable {
    struct Added: Encodable {
        let theirs: String
        let ours: String
    }

    struct Conflict: Encodable {
        let alias: String
        let ours: String
        let theirs: String
        let isTheirs: Bool
    }

    let isPulled: Bool
    let added: [Added]
    let same: [Added]
    let runs: [String]
    let aliases: [String]
    let conflicts: [Conflict]
    let chunkCount: Int
    let fetchedByteCount: Int

    package init(_ report: PullReport, isPulled: Bool) {
        self.isPulled = isPulled
        added = report.added.map { Added(theirs: $0.theirs, ours: $0.ours) }
        same = report.same.map { Added(theirs: $0.theirs, ours: $0.ours) }
        runs = report.runs
        aliases = report.aliases
        conflicts = report.conflicts.map {
            Conflict(alias: $0.alias, ours: $0.ours, theirs: $0.theirs, isTheirs: $0.isTheirs)
        }
        chunkCount = report.chunkCount
        fetchedByteCount = report.fetchedByteCount
    }
}
