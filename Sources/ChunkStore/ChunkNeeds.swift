/// Who needs a chunk, as rows of the store's owner say: conditions in SQL.
///
/// Each takes an expression for the row of a chunk, such as `chunk.id` or `?1`.
package struct ChunkNeeds: Sendable {
    /// Some row names the chunk, so that it must not be deleted.
    let isNamed: @Sendable (_ chunk: String) -> String
    /// Something that is not deleted needs the chunk.
    let isNeeded: @Sendable (_ chunk: String) -> String
    /// The chunk is to load fast: it is to be a keyframe.
    let isNeededFast: @Sendable (_ chunk: String) -> String

    package init(
        isNamed: @escaping @Sendable (String) -> String, isNeeded: @escaping @Sendable (String) -> String,
        isNeededFast: @escaping @Sendable (String) -> String
    ) {
        self.isNamed = isNamed
        self.isNeeded = isNeeded
        self.isNeededFast = isNeededFast
    }
}
