package import Checkpoints

/// What two checkpoints have under names that agree, before any tensor is read.
package struct DiffPlan: Sendable {
    /// The differences, under the new names.
    package let diff: CheckpointDiff
    private let oldOrdinals: [Int]
    private let newOrdinals: [Int]
    private let oldPaths: [CheckpointPath]
    private let newPaths: [CheckpointPath]
    private let newNames: [CheckpointPath]

    /// Aligns, selects and compares the leaves of two manifests.
    ///
    /// - Throws: ``PathSelectionError`` when neither has a selected leaf; ``KeyAlignmentError``.
    /// - Complexity: O(n log n) in the number of leaves.
    package init(from old: Manifest, to new: Manifest, options: DiffOptions) throws {
        oldPaths = old.leaves.map(\.path)
        newPaths = new.leaves.map(\.path)
        let alignment = options.alignment
        let oldNames = alignment.isEmpty ? oldPaths : try alignment.old(oldPaths)
        newNames = alignment.isEmpty ? newPaths : alignment.new(newPaths)
        let selected = try PathSelection(options.patterns).selects(oldNames + newNames)
        if alignment.isEmpty, !selected.contains(false) {
            diff = CheckpointDiff(from: old, to: new)
            oldOrdinals = Array(oldPaths.indices)
            newOrdinals = Array(newPaths.indices)
            return
        }
        func part(
            _ manifest: Manifest, _ names: [CheckpointPath], _ selected: ArraySlice<Bool>
        ) -> (Manifest, [Int]) {
            let ordinals = zip(names.indices, selected).filter(\.1).map(\.0)
            let leaves = ordinals.map { Manifest.Leaf(path: names[$0], content: manifest.leaves[$0].content) }
            // Paths say where the leaves are; the rest of the structure is not compared.
            let structure = Structure.list(leaves.map { _ in .value })
            return (Manifest(structure: structure, leaves: leaves), ordinals)
        }
        let (oldPart, oldOrdinals) = part(old, oldNames, selected.prefix(oldNames.count))
        let (newPart, newOrdinals) = part(new, newNames, selected.suffix(newNames.count))
        diff = CheckpointDiff(from: oldPart, to: newPart)
        self.oldOrdinals = oldOrdinals
        self.newOrdinals = newOrdinals
    }

    /// The number of the old leaf of a change among all leaves of the old checkpoint.
    package func oldOrdinal(of change: CheckpointDiff.Change) -> Int? {
        change.oldOrdinal.map { oldOrdinals[$0] }
    }

    /// The number of the new leaf of a change among all leaves of the new checkpoint.
    package func newOrdinal(of change: CheckpointDiff.Change) -> Int? {
        change.newOrdinal.map { newOrdinals[$0] }
    }

    /// The name that a new leaf is compared by.
    package func newName(ofLeaf ordinal: Int) -> CheckpointPath { newNames[ordinal] }

    /// The leaves that are the same in both, by their numbers in the whole checkpoints.
    package var unchanged: [(old: Int, new: Int)] {
        diff.unchanged.map { (oldOrdinals[$0.old], newOrdinals[$0.new]) }
    }

    /// A change, with what its elements say where they were compared.
    package func change(_ change: CheckpointDiff.Change, _ comparison: TensorComparison?) -> WeightChange {
        let newPath = newOrdinal(of: change).map { newPaths[$0] }
        let oldPath = oldOrdinal(of: change).map { oldPaths[$0] }
        return WeightChange(
            path: change.path, oldPath: oldPath, newPath: newPath, kind: WeightChange.Kind(change),
            differences: change.differences, old: change.old, new: change.new, comparison: comparison)
    }
}

extension CheckpointDiff.Change {
    fileprivate var differences: Set<CheckpointDiff.Difference> {
        if case .changed(let differences) = kind { differences } else { [] }
    }
}

extension WeightChange.Kind {
    fileprivate init(_ change: CheckpointDiff.Change) {
        switch change.kind {
        case .added: self = .added
        case .removed: self = .removed
        case .changed: self = .changed
        case .renamed(let from):
            let (old, new) = (ModulePath(from), ModulePath(change.path))
            self = old.name == new.name && old.module != new.module ? .moved : .renamed
        }
    }
}
