/// How hard a `ChunkEncoder` looks for a shorter encoding. Every decoder reads the result of either.
public enum EncodingEffort: Sendable {
    /// Entropy coding, and a quick search for repeats where statistics promise some. For saves.
    case fast
    /// Also tries the slow coders, and keeps one where it saves at least 1 %. For packing at leisure.
    case best
}
