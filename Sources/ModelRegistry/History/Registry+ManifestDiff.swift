public import Checkpoints

extension Registry {
    /// Which leaves differ between two versions, told from content ids: no tensor is read.
    ///
    /// - Throws: ``RegistryError``.
    /// - Complexity: O(leaves), whatever the tensors' sizes.
    public func manifestDiff(from old: String, to new: String) throws -> CheckpointDiff {
        CheckpointDiff(from: try manifest(of: old), to: try manifest(of: new))
    }
}
