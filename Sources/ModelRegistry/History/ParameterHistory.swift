public import Checkpoints
import ChunkStore
import GRDB

/// What became of one leaf of a model, from version to version.
public struct ParameterHistory: Sendable {
    /// The leaf's path.
    public let path: CheckpointPath
    /// The living versions that have it or lost it, oldest first.
    public let entries: [Entry]

    /// The leaf in one version.
    public struct Entry: Sendable {
        /// The version.
        public let version: Version
        /// How it differs from the living version before it.
        public let change: Change
        /// What it is; `nil` where it was removed.
        public let content: Manifest.Content?
        /// Figures of its elements; `nil` for a plain value.
        public let health: ParameterHealth?
        /// By how much the norm changed, relative to the norm before: 0.1 is a tenth more. `nil` where one of the two
        /// is not known, or the norm before was 0 and this one is not.
        public let normChange: Double?
        /// L2 norm of the difference from the version before, by reading both. `nil` where that was not asked for, or
        /// there is nothing of the same type and shape to compare with.
        public internal(set) var distance: Double?
        /// Position of the leaf in its version.
        let ordinal: Int
    }

    /// How a leaf differs from the one before.
    public enum Change: Hashable, Sendable {
        /// The version before does not have it, or there is none.
        case added
        /// The same content.
        case unchanged
        /// Another content. Ties are not looked at.
        case changed(Set<CheckpointDiff.Difference>)
        /// The version before had it.
        case removed
    }
}

/// Figures of a tensor's elements, as they were found when it was saved.
public struct ParameterHealth: Hashable, Sendable {
    /// Elements that are not a number; `nil` where the type has no such thing.
    public let nanCount: Int?
    /// Elements that are infinite; `nil` where the type has no such thing.
    public let infinityCount: Int?
    /// Elements that are zero, of either sign.
    public let zeroCount: Int?
    /// The least finite element; `nil` if there is none.
    public let minimum: Double?
    /// The greatest finite element; `nil` if there is none.
    public let maximum: Double?
    /// Square root of the sum of squares of the finite elements.
    public let l2Norm: Double?
}

extension ParameterHealth {
    /// Reads the health columns of a stored tensor.
    ///
    /// - Parameter isWhole: Whether the leaf has all elements of the tensor; otherwise nothing is known of it.
    init(_ row: Row, isWhole: Bool) throws {
        self.init(
            nanCount: isWhole ? try row.optional("nan_count") : nil,
            infinityCount: isWhole ? try row.optional("infinity_count") : nil,
            zeroCount: isWhole ? try row.optional("zero_count") : nil,
            minimum: isWhole ? try row.optional("minimum") : nil,
            maximum: isWhole ? try row.optional("maximum") : nil,
            l2Norm: isWhole ? try row.optional("l2_norm") : nil)
    }
}
