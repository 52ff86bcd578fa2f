package import ModelReg

/// What a push did, as JSON shows it.
package struct PushJSON: Encodable {
    struct Pushed: Encodable {
        let ours: String
        let theirs: String
    }

    struct Conflict: Encodable {
        let alias: String
        let ours: String
        let theirs: String
    }

    let isPushed: Bool
    let pushed: [Pushed]
    let published: [String]
    let sameCount: Int
    let thinned: [String]
    let runs: [String]
    let aliases: [String]
    let conflicts: [Conflict]
    let chunkCount: Int
    let sentByteCount: Int

    package init(_ report: PushReport, isPushed: Bool) {
        self.isPushed = isPushed
        pushed = report.pushed.map { Pushed(ours: $0.ours, theirs: $0.theirs) }
        published = report.published
        sameCount = report.sameCount
        thinned = report.thinned
        runs = report.runs
        aliases = report.aliases
        conflicts = report.conflicts.map { Conflict(alias: $0.alias, ours: $0.ours, theirs: $0.theirs) }
        chunkCount = report.chunkCount
        sentByteCount = report.sentByteCount
    }
}
