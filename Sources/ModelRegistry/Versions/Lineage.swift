public import Checkpoints
import ChunkStore
import Foundation
import GRDB

/// A version, of another model usually, that a version was made from.
public struct Ancestor: Hashable, Sendable {
    /// How the version was made from it.
    public enum Kind: String, Hashable, Sendable {
        /// Trained further.
        case fineTuned = "fine_tuned"
        /// Put together with others.
        case merged
    }

    /// What it was called: `base:v4`.
    public let reference: String
    /// Its content id, by which it is found in other registries.
    public let contentID: ContentID
    /// Whether it is in this registry, and not deleted.
    public let isPresent: Bool
    /// How the version was made from it.
    public let kind: Kind
    /// Whether a user said so; otherwise it was found by content that both have.
    public let isGiven: Bool
    /// Part of the version's bytes that it has too, 0 to 1.
    public let share: Double?
}

extension Registry {
    /// What a version was made from, beside ``Version/parent``: what gave most comes first.
    ///
    /// Where nobody said it, it was found as the version was saved: versions of other models that have at least a
    /// tenth of its bytes in the same tensors, constant ones and those of its parent aside. One of them: it was
    /// fine-tuned from that; several, each with content of its own: it was merged from these.
    public func lineage(of version: Version) throws -> [Ancestor] {
        try read { db in try LineageTable.ancestors(db, version.rowID) }
    }

    /// The versions of other models that were made from a version, in the order they were saved.
    public func descendants(of version: Version) throws -> [Version] {
        try read { db in
            try VersionTable.fetch(
                db,
                where: """
                    version.deleted_at IS NULL AND version.id IN (
                      SELECT version FROM lineage WHERE ancestor = ?1
                      UNION SELECT child.id FROM version AS child WHERE child.parent = ?1
                        AND child.model <> (SELECT model FROM version WHERE id = ?1))
                    """,
                arguments: [version.rowID]
            ).sorted { $0.createdAt < $1.createdAt }
        }
    }
}
