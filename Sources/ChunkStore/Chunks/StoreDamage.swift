package import Checkpoints
package import Foundations

/// Stored data that is not what it claims to be.
package struct StoreDamage: Error, Hashable, Sendable {
    /// The chunk that was read, where it is known.
    package var chunk: ContentID?
    /// What is wrong.
    package let problem: String

    /// Describes a damage.
    package init(chunk: ContentID? = nil, problem: String) {
        self.chunk = chunk
        self.problem = problem
    }

    /// Calls `body`, and names `chunk` in the damage that it finds.
    static func naming<Result>(_ chunk: ContentID, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let damage as StoreDamage {
            throw StoreDamage(chunk: damage.chunk ?? chunk, problem: damage.problem)
        }
    }
}

/// A chunk that is not in the store any more: it was freed after the caller had found it.
package struct ChunkGone: Error, Hashable {
    package let id: ContentID

    package init(id: ContentID) { self.id = id }
}

extension StoreDamage: CategorisedError {
    package var category: ErrorCategory { .badData }
}
