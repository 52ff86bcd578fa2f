import Foundations

/// Which checkpoints a training pushes, and where to.
public struct CheckpointPushes: Hashable, Sendable {
    /// Which of the saved versions are pushed.
    public enum Rule: Hashable, Sendable {
        /// Each version that is the best so far, and the last one when training ends.
        case bestAndLast
        /// Each so-manieth saved version, and the last one when training ends.
        case every(Int)
    }

    /// A remote's name or address; `nil` for `origin`.
    public let remote: String?
    /// Which versions.
    public let rule: Rule

    /// Pushes to a remote.
    ///
    /// - Parameters:
    ///   - remote: A remote's name or address, such as `oci://registry.example.com/team`; `nil` for `origin`.
    ///   - rule: Which versions; a count is at least 1.
    public init(to remote: String? = nil, _ rule: Rule = .bestAndLast) {
        if case .every(let count) = rule {
            require(count >= 1, "every \(count) versions are pushed; 1 is the least")
        }
        self.remote = remote
        self.rule = rule
    }
}
