import Checkpoints
import Foundations
import Tensors

extension SavePlan {
    /// What conditions can ask of the checkpoint's tensors: one entry for each stored tensor, under the first of its
    /// names. Of a view, it is what is stored of its storage.
    ///
    /// - Complexity: O(bytes), on all cores, several GB/s.
    func tensorFacts() throws -> [TensorFacts] {
        var paths: [Int: String] = [:]
        let leafPaths = structure.leafPaths
        let files = structure.opaqueLeaves
        for (ordinal, leaf) in leaves.enumerated() where !files.contains(ordinal) {
            guard case .tensor(let stored, _, _) = leaf, paths[stored] == nil else { continue }
            paths[stored] = leafPaths[ordinal].text
        }
        // The bytes of files that are kept as they are say nothing as numbers.
        let tensors = storedTensors.indices.filter { paths[$0] != nil }
        let healths = try ConcurrentMap.map(tensors) { try TensorHealth(of: self, stored: $0) }
        return zip(tensors, healths).map { index, health in
            let tensor = storedTensors[index]
            return TensorFacts(
                path: paths[index] ?? "", dtype: tensor.dtype.rawValue, count: tensor.shape.reduce(1, *),
                byteCount: tensor.byteCount, nanCount: health.nanCount, infinityCount: health.infinityCount,
                zeroCount: health.zeroCount, minimum: health.minimum, maximum: health.maximum,
                l2Norm: health.l2Norm)
        }
    }
}

extension Registry {
    /// What conditions can ask of a version's tensors: a leaf that is a view of a larger tensor has the health of that.
    ///
    /// - Throws: ``RegistryError``.
    /// - Complexity: O(leaves). No tensor is read.
    public func tensorFacts(of reference: String) throws -> [TensorFacts] {
        try read { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            return try TensorTable.facts(db, version: version.rowID)
        }
    }
}
