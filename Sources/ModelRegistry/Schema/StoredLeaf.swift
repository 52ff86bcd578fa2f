import Checkpoints

/// A leaf of a version as its rows describe it, checked: views lie within their tensors.
struct StoredLeaf: Sendable {
    enum Content: Sendable {
        case value(PlainValue)
        case tensor(TensorRow, view: SavePlan.View, id: ContentID)
        /// A tensor that a thinned version has no more.
        case dropped(Manifest.TensorContent)
    }

    let path: CheckpointPath
    let role: TensorRole
    let content: Content
}

extension SavePlan.View {
    /// Checks that the view lies within a tensor of `byteCount` bytes, and its elements aligned in their storage.
    /// Where views of several types share a storage, a tensor need not begin on a multiple of every width.
    ///
    /// - Throws: ``RegistryError/Damage``.
    func check(within byteCount: Int) throws {
        guard !lies(within: byteCount) else { return }
        throw RegistryError.Damage(
            problem: "view \(shape) by \(placement?.strides ?? []) reaches beyond its tensor")
    }
}
