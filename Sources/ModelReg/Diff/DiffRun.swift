import Checkpoints
import Foundations
import ModelRegistry
import Synchronization
import Tensors
import WeightDiff

/// One comparison of two sources: ids first, then the chunks that differ, on all cores.
struct DiffRun {
    let options: DiffOptions
    let progress: ProgressHandler?
    let isCancelled: @Sendable () -> Bool
    /// Called with each change when it is known, on any thread, one at a time.
    let onChange: (@Sendable (WeightChange) -> Void)?

    private enum Job: Sendable {
        case pair(Int, part: Int)
        case sole(Int, part: Int)
    }

    /// Tensors to compare, and the changes that each of them answers.
    private struct Pairs {
        var pairs: [TensorPair] = []
        var changes: [[Int]] = []
        var numberOfChange: [Int: Int] = [:]
        private var numbers: [Key: Int?] = [:]

        private struct Key: Hashable {
            let old: ContentID
            let new: ContentID
        }

        /// Tied tensors, and equal ones, are compared once.
        mutating func add(_ change: Int, _ old: ContentID, _ new: ContentID, _ make: () throws -> TensorPair?)
            rethrows
        {
            let key = Key(old: old, new: new)
            if let known = numbers[key] {
                if let known {
                    changes[known].append(change)
                    numberOfChange[change] = known
                }
                return
            }
            guard let pair = try make() else {
                numbers[key] = .some(nil)
                return
            }
            numbers[key] = pairs.count
            numberOfChange[change] = pairs.count
            pairs.append(pair)
            changes.append([change])
        }
    }

    func diff(from old: WeightSource, to new: WeightSource) throws -> ModelDiff {
        try diff(
            OpenWeights(old, comparesValues: options.comparesValues),
            OpenWeights(new, comparesValues: options.comparesValues), facts: old.facts.changes(to: new.facts))
    }

    private func diff(_ old: OpenWeights, _ new: OpenWeights, facts: [FactChange]) throws -> ModelDiff {
        let plan = try DiffPlan(from: old.manifest, to: new.manifest, options: options)
        let changes = plan.diff.changes
        let pairs = options.comparesValues ? try self.pairs(plan, old, new) : Pairs()
        for index in changes.indices where pairs.numberOfChange[index] == nil {
            onChange?(plan.change(changes[index], nil))
        }
        let (soles, squares) = options.comparesValues ? try self.soles(plan, old, new) : ([], [:])
        try run(pairs, soles.map(\.1), plan)
        var norms = squares
        for (unchanged, sole) in soles { norms[unchanged] = sole.sumOfSquares }
        let comparisons = pairs.pairs.map(\.comparison)
        return ModelDiff(
            changes: changes.enumerated().map { index, change in
                plan.change(change, pairs.numberOfChange[index].map { comparisons[$0] })
            },
            unchanged: zip(plan.unchanged.indices, plan.unchanged).map { index, leaf in
                UnchangedLeaf(
                    path: plan.newName(ofLeaf: leaf.new),
                    content: new.manifest.leaves[leaf.new].content, sumOfSquares: norms[index])
            },
            isStructureChanged: plan.diff.isStructureChanged, facts: facts)
    }

    /// The tensors whose elements differ.
    private func pairs(_ plan: DiffPlan, _ old: OpenWeights, _ new: OpenWeights) throws -> Pairs {
        var pairs = Pairs()
        for (index, change) in plan.diff.changes.enumerated() {
            guard case .changed = change.kind, case .tensor(let oldTensor)? = change.old,
                case .tensor(let newTensor)? = change.new, oldTensor.id != newTensor.id,
                let oldOrdinal = plan.oldOrdinal(of: change), let newOrdinal = plan.newOrdinal(of: change)
            else { continue }
            try pairs.add(index, oldTensor.id, newTensor.id) {
                guard let oldBytes = try old.bytes(ofLeaf: oldOrdinal),
                    let newBytes = try new.bytes(ofLeaf: newOrdinal)
                else { return nil }
                return TensorPair(
                    oldBytes, newBytes, oldSummary: old.summary(ofLeaf: oldOrdinal),
                    newSummary: new.summary(ofLeaf: newOrdinal))
            }
        }
        return pairs
    }

    /// What unchanged tensors weigh: known, or to be looked at; by their place among the unchanged.
    private func soles(
        _ plan: DiffPlan, _ old: OpenWeights, _ new: OpenWeights
    ) throws -> ([(Int, SoleTensor)], [Int: Double]) {
        var known: [Int: Double] = [:]
        var soles: [(Int, SoleTensor)] = []
        for (index, leaf) in plan.unchanged.enumerated() {
            guard case .tensor = new.manifest.leaves[leaf.new].content else { continue }
            if let summary = new.summary(ofLeaf: leaf.new) ?? old.summary(ofLeaf: leaf.old) {
                known[index] = summary.sumOfSquares
            } else if let bytes = try new.bytes(ofLeaf: leaf.new), let sole = SoleTensor(bytes) {
                soles.append((index, sole))
            }
        }
        return (soles, known)
    }

    private func run(_ pairs: Pairs, _ soles: [SoleTensor], _ plan: DiffPlan) throws {
        var jobs: [Job] = []
        var total = 0
        for (number, pair) in pairs.pairs.enumerated() {
            for (index, part) in pair.parts.enumerated() {
                jobs.append(.pair(number, part: index))
                total += pair.byteCount(of: part)
            }
        }
        for (number, sole) in soles.enumerated() {
            for (index, part) in sole.parts.enumerated() {
                jobs.append(.sole(number, part: index))
                total += part.count
            }
        }
        // Pairs without parts: all of their chunks are equal, as where a shape grew. They have been done.
        for (number, pair) in pairs.pairs.enumerated() where pair.parts.isEmpty { report(number, pairs, plan) }
        let buffers = WorkerPool { PairBuffers() }
        let throttled = progress.map { ThrottledProgress($0, total: total) }
        let handler = Mutex(())
        try ConcurrentMap.forEach(jobs) { job in
            try Task.checkCancellation()
            guard !isCancelled() else { throw CancellationError() }
            let count: Int
            switch job {
            case .pair(let number, let part):
                let pair = pairs.pairs[number]
                let isLast = try buffers.withWorker { try pair.compare(part, $0) }
                count = pair.byteCount(of: pair.parts[part])
                if isLast, onChange != nil { handler.withLock { _ in report(number, pairs, plan) } }
            case .sole(let number, let part):
                try buffers.withWorker { try soles[number].look(part, $0) }
                count = soles[number].parts[part].count
            }
            throttled?.add(count)
        }
    }

    private func report(_ number: Int, _ pairs: Pairs, _ plan: DiffPlan) {
        guard let onChange else { return }
        let comparison = pairs.pairs[number].comparison
        for change in pairs.changes[number] { onChange(plan.change(plan.diff.changes[change], comparison)) }
    }
}
