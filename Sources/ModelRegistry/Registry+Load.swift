public import Checkpoints
import GRDB
import Tensors

extension Registry {
    /// Loads a version, or part of it.
    ///
    /// Every byte is checked against its checksum. Tensors that were tied or views of one storage are so again;
    /// all others have storage of their own.
    ///
    /// - Parameters:
    ///   - reference: Which version: `mlp`, `mlp:v3`, `mlp:best~1`; see ``VersionReference``.
    ///   - patterns: Paths to load, `encoder.*`; everything where there are none. Containers left empty vanish.
    ///   - verifiesHashes: Whether to check each chunk's SHA-256 too, at half the speed.
    /// - Throws: ``RegistryError``, ``PathSelectionError``, and ``CheckpointTypeError`` when the version is not a
    ///   `Value`.
    /// - Complexity: O(bytes loaded), on all cores. Chunks of other tensors are not read.
    public func load<Value: CheckpointConvertible>(
        _ reference: String, as type: Value.Type = Value.self, only patterns: [String] = [],
        verifiesHashes: Bool = false, progress: ProgressHandler? = nil
    ) throws -> Value {
        let checkpoint: Checkpoint = try read { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            let content = try VersionContent(db, version)
            let selected = try PathSelection(patterns).selects(content.leaves.map(\.path))
            let plan = try LoadPlan(content, selected: selected)
            try TensorReader(db, reference: version.reference, verifiesHashes: verifiesHashes)
                .read(plan.requests, progress: progress)
            // A selection that matches has at least one leaf; without leaves the structure is all there is.
            return try content.structure.assembled(from: plan.leaves) ?? .dictionary(CheckpointDictionary())
        }
        return try Value(checkpoint: checkpoint)
    }

    /// What a version is: structure, names, types, shapes, content ids, ties. No tensor is read.
    ///
    /// - Throws: ``RegistryError``.
    /// - Complexity: O(leaves).
    public func manifest(of reference: String) throws -> Manifest {
        try read { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            return try VersionContent(db, version).manifest
        }
    }

    /// Writes the packed bytes of some tensors of a version into memory that the caller has.
    ///
    /// - Parameters:
    ///   - version: The version.
    ///   - leaves: Positions among the version's leaves, and where each one's bytes go.
    /// - Throws: ``RegistryError``. Some destinations may have been written by then.
    /// - Precondition: Leaves are tensors, and each destination has as many bytes as its tensor.
    public func copyTensors(
        of version: Version, _ leaves: [(leaf: Int, destination: UnsafeMutableRawBufferPointer)],
        verifiesHashes: Bool = false, progress: ProgressHandler? = nil
    ) throws {
        try read { db in
            let content = try VersionContent(db, version)
            var requests: [TensorReader.Request] = []
            var gathered: [(tensor: Tensor, destination: UnsafeMutableRawBufferPointer)] = []
            for (index, destination) in leaves {
                let leaf = content.leaves[index]
                guard case .tensor(let row, let view, _) = leaf.content else {
                    preconditionFailure("leaf \(index) of \(version.reference) is no tensor")
                }
                guard let placement = view.placement else {
                    precondition(
                        destination.count == row.byteCount, "destination of \(destination.count) bytes")
                    requests.append(
                        TensorReader.Request(tensor: row, path: leaf.path, destination: destination))
                    continue
                }
                let storage = Storage(uninitializedByteCount: row.byteCount)
                requests.append(
                    TensorReader.Request(tensor: row, path: leaf.path, destination: storage.unsafeMutableBytes))
                let tensor = try Tensor(
                    storage: storage, dtype: view.dtype, shape: view.shape, strides: placement.strides,
                    offset: placement.byteOffset / (view.dtype.byteWidth ?? 1))
                gathered.append((tensor, destination))
            }
            try TensorReader(db, reference: version.reference, verifiesHashes: verifiesHashes)
                .read(requests, progress: progress)
            for (tensor, destination) in gathered { tensor.copyPackedBytes(into: destination) }
        }
    }
}
