import ChunkStore

extension ChunkNeeds {
    /// What rows of versions and tensors say of chunks.
    static let registry = ChunkNeeds(
        isNamed: { "EXISTS (SELECT 1 FROM tensor_chunk WHERE tensor_chunk.chunk = \($0))" },
        isNeeded: { has(chunk: $0, "version.deleted_at IS NULL") },
        isNeededFast: { has(chunk: $0, loadsFast) })

    private static func has(chunk: String, _ condition: String) -> String {
        """
        EXISTS (
          SELECT 1 FROM tensor_chunk JOIN parameter ON parameter.tensor = tensor_chunk.tensor
          JOIN version ON version.id = parameter.version
          WHERE tensor_chunk.chunk = \(chunk) AND \(condition))
        """
    }

    /// A condition on a row of `version`: its chunks are keyframes. So it is for the newest version of a model, and for
    /// one that a pinned alias names.
    static let loadsFast = """
        version.deleted_at IS NULL AND (
          version.number = (
            SELECT newest.number FROM version AS newest
            WHERE newest.model = version.model AND newest.deleted_at IS NULL
            ORDER BY newest.number DESC LIMIT 1)
          OR EXISTS (SELECT 1 FROM alias WHERE alias.version = version.id AND alias.is_pinned))
        """
}
