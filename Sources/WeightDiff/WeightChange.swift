public import Checkpoints

/// What happened to one leaf: a tensor, or a plain value.
public struct WeightChange: Sendable {
    /// The name that it is compared by: that of the new checkpoint without a prefix that was to be stripped; the
    /// aligned old name of what was removed.
    public let path: CheckpointPath
    /// Its path in the old checkpoint, if it is there.
    public let oldPath: CheckpointPath?
    /// Its path in the new checkpoint, if it is there.
    public let newPath: CheckpointPath?
    /// What happened.
    public let kind: Kind
    /// In what it differs, where both have it under one name.
    public let differences: Set<CheckpointDiff.Difference>
    /// The leaf before, if there was one.
    public let old: Manifest.Content?
    /// The leaf now, if there is one.
    public let new: Manifest.Content?
    /// What its elements say; `nil` where they are the same, or cannot be compared.
    public let comparison: TensorComparison?

    /// What can happen to a leaf.
    public enum Kind: String, Sendable, CaseIterable {
        /// Only the new checkpoint has it.
        case added
        /// Only the old checkpoint has it.
        case removed
        /// The same content had another name.
        case renamed
        /// The same content had the same name in another module.
        case moved
        /// Both have it, and it differs.
        case changed
    }

    /// How the elements differ; `nil` where they are the same, or cannot be compared.
    public var statistics: TensorDifference? { comparison?.difference }

    /// Whether it is tied now, and was not, or the other way round.
    public var tie: TieChange? {
        guard differences.contains(.tie) else { return nil }
        switch (WeightChange.isTied(old), WeightChange.isTied(new)) {
        case (false, true): return .made
        case (true, false): return .broken
        default: return .changed
        }
    }

    /// What happened to a tie.
    public enum TieChange: String, Sendable {
        /// It shares its storage with others now.
        case made
        /// It has a storage of its own now.
        case broken
        /// It shares its storage with others than before, or lies elsewhere in it.
        case changed
    }

    private static func isTied(_ content: Manifest.Content?) -> Bool {
        if case .tensor(let tensor)? = content { tensor.tie != nil } else { false }
    }
}

/// The elements of two tensors, compared where both have them.
public struct TensorComparison: Sendable {
    /// How they differ.
    public let difference: TensorDifference
    /// The shape of what was compared: that of both, or where they differ in shape, of the part that both have: from
    /// 0 up to the shorter length along each axis.
    public let shape: [Int]
    /// Whether the shapes are the same, up to axes of length 1.
    public let isWhole: Bool

    /// Describes a comparison.
    package init(difference: TensorDifference, shape: [Int], isWhole: Bool) {
        self.difference = difference
        self.shape = shape
        self.isWhole = isWhole
    }

    /// The index of the first element that differs most; `nil` where none differs.
    public var maximumIndex: [Int]? {
        guard let position = difference.maximumPosition else { return nil }
        let elementCount = shape.reduce(1, *)
        // A complex element counts as two numbers.
        var rest = elementCount > 0 ? position / max(1, difference.elementCount / elementCount) : position
        var index: [Int] = []
        for length in shape.reversed() {
            index.append(rest % max(1, length))
            rest /= max(1, length)
        }
        return index.reversed()
    }
}
