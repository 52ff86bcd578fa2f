import Checkpoints
import ChunkStore
import GRDB
import Tensors

extension Registry {
    /// Writes the packed bytes of some tensors of a version into memory that the caller has.
    ///
    /// - Parameters:
    ///   - version: The version.
    ///   - leaves: Positions among the version's leaves, and where each one's bytes go.
    /// - Throws: ``RegistryError``. Some destinations may have been written by then.
    /// - Precondition: Leaves are tensors, and each destination has as many bytes as its tensor.
    package func copyTensors(
        of version: Version, _ leaves: [(leaf: Int, destination: UnsafeMutableRawBufferPointer)],
        verifiesHashes: Bool = false, progress: ProgressHandler? = nil
    ) throws {
        let (content, reader) = try read { db in
            let content = try VersionContent(db, version)
            let wanted = Set(leaves.map(\.leaf))
            try content.checkPresent(content.leaves.indices.map { wanted.contains($0) })
            let tensors = leaves.map { index, _ -> (tensor: TensorRow, path: CheckpointPath) in
                guard case .tensor(let row, _, _) = content.leaves[index].content else {
                    preconditionFailure("leaf \(index) of \(version.reference) is not a tensor")
                }
                return (row, content.leaves[index].path)
            }
            return (content, try TensorReader(self, db, version, tensors))
        }
        var requests: [TensorReader.Request] = []
        var gathered: [(tensor: Tensor, destination: UnsafeMutableRawBufferPointer)] = []
        for (index, destination) in leaves {
            let leaf = content.leaves[index]
            guard case .tensor(let row, let view, _) = leaf.content else { continue }
            guard let placement = view.placement else {
                precondition(destination.count == row.byteCount, "destination of \(destination.count) bytes")
                requests.append(TensorReader.Request(tensor: row, path: leaf.path, destination: destination))
                continue
            }
            let storage = Storage(uninitializedByteCount: row.byteCount)
            requests.append(
                TensorReader.Request(tensor: row, path: leaf.path, destination: storage.unsafeMutableBytes))
            // The view may begin between two of its elements' multiples: its window begins with it.
            let window = UnsafeMutableRawBufferPointer(
                rebasing: storage.unsafeMutableBytes[placement.byteOffset...])
            let tensor = try Tensor(
                storage: Storage(wrapping: window, keepingAlive: storage), dtype: view.dtype,
                shape: view.shape, strides: placement.strides)
            gathered.append((tensor, destination))
        }
        try reader.read(requests, verifiesHashes: verifiesHashes, progress: progress)
        for (tensor, destination) in gathered { tensor.copyPackedBytes(into: destination) }
    }
}
