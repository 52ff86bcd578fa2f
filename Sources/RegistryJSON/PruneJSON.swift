package import ModelReg

/// What becomes of the versions of models, as JSON shows it.
package struct PruneJSON: Encodable {
    package struct Version: Encodable {
        let reference: String
        let action: String
        let reasons: [String]
        let droppedPaths: [String]

        package init(_ decision: PruneDecision) {
            reference = decision.version.reference
            action = decision.action.rawValue
            reasons = decision.reasons.map(\.description)
            droppedPaths = decision.droppedPaths
        }
    }

    let freedByteCount: Int
    let garbageByteCount: Int
    let isDone: Bool
    let versions: [Version]

    package init(freedByteCount: Int, garbageByteCount: Int, isDone: Bool, _ decisions: [PruneDecision]) {
        self.freedByteCount = freedByteCount
        self.garbageByteCount = garbageByteCount
        self.isDone = isDone
        versions = decisions.map(Version.init)
    }
}
