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
        private let origin: Origin
        private let leaf: HistoryQuery.Leaf?
        /// How it differs from the living version before it.
        public let change: Change
        /// By how much the norm changed, relative to the norm before: 0.1 is a tenth more. `nil` where one of the two
        /// is not known, or the norm before was 0 and this one is not.
        public let normChange: Double?
        /// L2 norm of the difference from the version before, by reading both. `nil` where that was not asked for, or
        /// there is nothing of the same type and shape to compare with.
        public internal(set) var distance: Double?
        /// Position of the leaf in its version.
        let ordinal: Int

        init(
            origin: Origin, leaf: HistoryQuery.Leaf?, change: Change, normChange: Double?, ordinal: Int
        ) {
            self.origin = origin
            self.leaf = leaf
            self.change = change
            self.normChange = normChange
            self.ordinal = ordinal
        }

        /// The version.
        public var version: Version { origin.version }
        /// The content of the leaf; `nil` where the leaf was removed.
        public var content: Manifest.Content? { leaf?.content }
        /// Figures of its elements; `nil` for a plain value.
        public var health: ParameterHealth? { leaf?.health }
    }

    /// A version that entries share: there is one for each of its leaves.
    final class Origin: Sendable {
        let version: Version

        init(_ version: Version) { self.version = version }
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
    /// Of a leaf that is a part of what is stored.
    static let unknown = ParameterHealth(
        nanCount: nil, infinityCount: nil, zeroCount: nil, minimum: nil, maximum: nil, l2Norm: nil)

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
