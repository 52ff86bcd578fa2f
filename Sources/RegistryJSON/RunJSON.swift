package import ModelReg

/// A run, as JSON shows it.
package struct RunJSON: Encodable {
    let reference: String
    let model: String?
    let name: String
    let state: String
    let startedAt: String
    let endedAt: String?
    let wallSeconds: Double
    let parent: String?
    let attributes: [String: JSONFragment]
    let metrics: [String: Double?]
    let step: Int?
    let versionCount: Int

    package init(_ run: RunInfo) {
        reference = run.reference
        model = run.model
        name = run.name
        state = run.state.rawValue
        startedAt = Moment.exact(run.startedAt)
        endedAt = run.endedAt.map(Moment.exact)
        wallSeconds = run.wallSeconds
        parent = run.parent
        attributes = Dictionary(run.attributes.map { ($0.key, JSONFragment($0.value.json)) }) { $1 }
        metrics = run.metrics.mapValues { $0.isFinite ? $0 : nil }
        step = run.lastStep
        versionCount = run.versionCount
    }
}
