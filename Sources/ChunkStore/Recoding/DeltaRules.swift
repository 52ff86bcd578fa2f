/// How long chains of differences may be.
package struct DeltaRules: Hashable, Sendable {
    /// Deltas between a chunk and its keyframe, at most.
    package var maximumDepth: Int

    package init(maximumDepth: Int) { self.maximumDepth = maximumDepth }

    /// Whether a chunk may become a delta.
    ///
    /// - Parameters:
    ///   - height: Deltas in the longest chain that ends in the chunk.
    ///   - baseDepth: Deltas between its base and the base's keyframe.
    package func allowDelta(height: Int, baseDepth: Int) -> Bool { height + 1 + baseDepth <= maximumDepth }
}
