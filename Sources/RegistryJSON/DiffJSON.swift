package import ModelReg

/// A diff as JSON shows it: version 2 of the schema in docs/json.md.
package struct DiffJSON: Encodable {
    package struct Change: Encodable {
        let path: String
        let change: String
        let from: String?
        let differences: [String]
        let tie: String?
        let old: LeafJSON?
        let new: LeafJSON?
        let statistics: StatisticsJSON?
    }

    package struct Module: Encodable {
        let path: String
        let changeCount: Int
        let leafCount: Int
        let relL2: Double?
        let l2: Double?
        let maxAbs: Double?
        let changedShare: Double?
    }

    package struct Fact: Encodable {
        let source: String
        let key: String
        let old: JSONFragment?
        let new: JSONFragment?
    }

    package struct Gate: Encodable {
        let condition: String
        let holds: Bool
        let paths: [String]
    }

    let schemaVersion = 2
    let old: String
    let new: String
    let isEmpty: Bool
    let isStructureChanged: Bool
    let unchangedCount: Int
    let changes: [Change]
    let modules: [Module]
    let facts: [Fact]
    let gates: [Gate]

    package init(old: String, new: String, _ diff: ModelDiff, _ outcomes: [DiffGate.Outcome]) {
        self.old = old
        self.new = new
        isEmpty = diff.isEmpty
        isStructureChanged = diff.isStructureChanged
        unchangedCount = diff.unchangedCount
        changes = diff.changes.map(Change.init)
        var modules: [Module] = []
        func add(_ module: ModuleRollup) {
            if module.total.changeCount > 0 { modules.append(Module(module)) }
            for child in module.children { add(child) }
        }
        add(diff.modules)
        self.modules = modules
        facts = diff.facts.map {
            Fact(
                source: $0.source.rawValue, key: $0.key, old: $0.old.map(JSONFragment.init),
                new: $0.new.map(JSONFragment.init))
        }
        gates = outcomes.map { outcome in
            Gate(
                condition: outcome.condition, holds: outcome.holds,
                paths: outcome.changes.map { diff.changes[$0].path.text })
        }
    }
}

extension DiffJSON.Change {
    package init(_ change: WeightChange) {
        path = change.path.text
        self.change = change.kind.rawValue
        from = change.oldPath == change.path || change.kind == .removed ? nil : change.oldPath?.text
        differences = CheckpointDiff.Difference.allCases.filter(change.differences.contains).map(\.rawValue)
        tie = change.tie?.rawValue
        old = change.old.map { LeafJSON(change.oldPath ?? change.path, $0) }
        new = change.new.map { LeafJSON(change.newPath ?? change.path, $0) }
        statistics = change.comparison.map(StatisticsJSON.init)
    }
}

extension DiffJSON.Module {
    package init(_ module: ModuleRollup) {
        let total = module.total
        path = module.path
        changeCount = total.changeCount
        leafCount = total.leafCount
        relL2 = total.isCompared ? finite(total.relativeL2) : nil
        l2 = total.isCompared ? finite(total.l2Norm) : nil
        maxAbs = total.isCompared ? finite(total.maximumAbsolute) : nil
        changedShare = total.isCompared ? total.changedShare : nil
    }
}
