package import ModelReg

/// What a pull did, as JSON shows it.
package struct PullJSON: Encodable {
    let isPulled: Bool
    let added: [BroughtInJSON]
    let same: [BroughtInJSON]
    let runs: [String]
    let aliases: [String]
    let conflicts: [AliasConflictJSON]
    let chunkCount: Int
    let fetchedByteCount: Int

    package init(_ report: PullReport, isPulled: Bool) {
        self.isPulled = isPulled
        added = report.added.map { BroughtInJSON($0) }
        same = report.same.map { BroughtInJSON($0) }
        runs = report.runs
        aliases = report.aliases
        conflicts = report.conflicts.map { AliasConflictJSON($0) }
        chunkCount = report.chunkCount
        fetchedByteCount = report.fetchedByteCount
    }
}
