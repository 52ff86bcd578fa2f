package import ModelReg

/// The history of parameters as JSON shows it.
package struct HistoryJSON: Encodable {
    package struct Parameter: Encodable {
        let path: String
        let history: [Entry]
    }

    package struct Entry: Encodable {
        let reference: String
        let version: Int
        let createdAt: String
        let message: String
        let metrics: [String: Double?]
        let change: String
        let differences: [String]
        let leaf: LeafJSON?
        let nanCount: Int?
        let infinityCount: Int?
        let zeroCount: Int?
        let minimum: Double?
        let maximum: Double?
        let l2Norm: Double?
        let normChange: Double?
        let distance: Double?

        package init(_ path: CheckpointPath, _ entry: ParameterHistory.Entry) {
            reference = entry.version.reference
            version = entry.version.number
            createdAt = Moment.exact(entry.version.createdAt)
            message = entry.version.message
            metrics = entry.version.metrics.mapValues { $0.isFinite ? $0 : nil }
            switch entry.change {
            case .added: (change, differences) = ("added", [])
            case .removed: (change, differences) = ("removed", [])
            case .unchanged: (change, differences) = ("unchanged", [])
            case .changed(let kinds):
                change = "changed"
                differences = CheckpointDiff.Difference.allCases.filter(kinds.contains).map(\.rawValue)
            }
            leaf = entry.content.map { LeafJSON(path, $0) }
            nanCount = entry.health?.nanCount
            infinityCount = entry.health?.infinityCount
            zeroCount = entry.health?.zeroCount
            minimum = entry.health?.minimum
            maximum = entry.health?.maximum
            l2Norm = entry.health?.l2Norm.flatMap { $0.isFinite ? $0 : nil }
            normChange = entry.normChange.flatMap { $0.isFinite ? $0 : nil }
            distance = entry.distance.flatMap { $0.isFinite ? $0 : nil }
        }
    }

    let schemaVersion = 1
    let model: String
    let parameters: [Parameter]

    package init(_ model: String, _ histories: [ParameterHistory]) {
        self.model = model
        parameters = histories.map { history in
            Parameter(path: history.path.text, history: history.entries.map { Entry(history.path, $0) })
        }
    }
}
