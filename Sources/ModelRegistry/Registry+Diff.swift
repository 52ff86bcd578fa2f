public import Checkpoints

extension Registry {
    /// What changed from one version to another, told from content ids: no tensor is read.
    ///
    /// - Throws: ``RegistryError``.
    /// - Complexity: O(leaves), whatever the tensors' sizes.
    public func diff(_ old: String, _ new: String) throws -> CheckpointDiff {
        CheckpointDiff(from: try manifest(of: old), to: try manifest(of: new))
    }
}
