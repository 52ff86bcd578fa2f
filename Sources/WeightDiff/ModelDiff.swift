public import Checkpoints

/// What changed between two checkpoints: which leaves, how, and by how much.
public struct ModelDiff: Sendable {
    /// The changes: those at paths of the new checkpoint in its order, then what was removed, in the old order.
    public let changes: [WeightChange]

    /// The leaves that are the same in both, in the new order.
    public let unchanged: [UnchangedLeaf]

    /// Whether keys changed their order or containers their type while paths stayed the same.
    public let isStructureChanged: Bool

    /// What changed of what is known beside the weights: attributes, metadata of files, metrics.
    public let facts: [FactChange]

    /// Puts a diff together.
    package init(
        changes: [WeightChange], unchanged: [UnchangedLeaf], isStructureChanged: Bool, facts: [FactChange]
    ) {
        self.changes = changes
        self.unchanged = unchanged
        self.isStructureChanged = isStructureChanged
        self.facts = facts
    }

    /// Number of leaves that are the same in both.
    public var unchangedCount: Int { unchanged.count }

    /// Whether both are the same checkpoint. Facts beside the weights may differ.
    public var isEmpty: Bool { changes.isEmpty && !isStructureChanged }

    /// Whether the weights are the same, and so are the files beside them.
    public var isSameModel: Bool { isEmpty && !facts.contains { $0.source == .attachment } }

    /// How many leaves each thing happened to.
    public func count(of kind: WeightChange.Kind) -> Int { changes.count { $0.kind == kind } }
}

/// A leaf that is the same in both.
public struct UnchangedLeaf: Sendable {
    /// The name that it is compared by.
    public let path: CheckpointPath
    /// What it is.
    public let content: Manifest.Content
    /// The sum of the squares of its finite elements; `nil` where it was not asked for, or is no number.
    public let sumOfSquares: Double?

    /// Describes a leaf.
    package init(path: CheckpointPath, content: Manifest.Content, sumOfSquares: Double?) {
        self.path = path
        self.content = content
        self.sumOfSquares = sumOfSquares
    }
}
