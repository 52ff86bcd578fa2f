public import Checkpoints
import ChunkStore
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
        let (content, layout) = try read { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            let content = try VersionContent(db, version)
            return (content, try storageLayout(db, content, only: patterns))
        }
        let storages = layout.emptyStorages()
        try copyStorages(
            layout, into: storages.map(\.unsafeMutableBytes), verifiesHashes: verifiesHashes, progress: progress
        )
        if verifiesHashes { try layout.verifyViews(content, storages) }
        return try Value(checkpoint: try layout.checkpoint(storages))
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

    /// How the leaves of a version, or some of them, lie in storages. No tensor is read.
    ///
    /// - Parameter patterns: Paths to select; everything where there are none.
    /// - Throws: ``RegistryError``, ``PathSelectionError``.
    package func storageLayout(of version: Version, only patterns: [String] = []) throws -> StorageLayout {
        try read { db in try storageLayout(db, VersionContent(db, version), only: patterns) }
    }

    /// Lays out some leaves of a version, by their numbers.
    ///
    /// - Throws: ``RegistryError``.
    package func storageLayout(of version: Version, leaves: Set<Int>) throws -> StorageLayout {
        try read { db in
            let content = try VersionContent(db, version)
            return try StorageLayout(
                self, db, content, selected: content.leaves.indices.map { leaves.contains($0) })
        }
    }

    /// Fills the storages of a layout, in memory that the caller has.
    ///
    /// Bytes of a storage that no tensor of the layout covers are left as they are.
    ///
    /// - Throws: ``RegistryError``. Some destinations may have been written by then.
    /// - Precondition: One destination for each storage, of its length.
    package func copyStorages(
        _ layout: StorageLayout, into destinations: [UnsafeMutableRawBufferPointer],
        verifiesHashes: Bool = false,
        progress: ProgressHandler? = nil
    ) throws {
        precondition(
            destinations.map(\.count) == layout.storageByteCounts, "destinations do not fit the storages")
        let requests = layout.pieces.map { piece in
            let range = piece.byteOffset..<piece.byteOffset + piece.tensor.byteCount
            return TensorReader.Request(
                tensor: piece.tensor, path: piece.path,
                destination: UnsafeMutableRawBufferPointer(rebasing: destinations[piece.storage][range]))
        }
        try layout.reader.read(requests, verifiesHashes: verifiesHashes, progress: progress)
    }

    private func storageLayout(_ db: Database, _ content: VersionContent, only patterns: [String]) throws
        -> StorageLayout
    {
        try StorageLayout(
            self, db, content, selected: PathSelection(patterns).selects(content.leaves.map(\.path)))
    }
}

extension StorageLayout {
    /// Storages to fill. Bytes that no tensor covers are zero.
    fileprivate func emptyStorages() -> [Storage] {
        // Zeroing memory that a tensor is about to fill would take half as long as loading it.
        let filled = Set(
            pieces.lazy.filter { $0.tensor.byteCount == storageByteCounts[$0.storage] }.map(\.storage))
        return storageByteCounts.enumerated().map { index, byteCount in
            filled.contains(index)
                ? Storage(uninitializedByteCount: byteCount) : Storage(zeroedByteCount: byteCount)
        }
    }

    /// Checks the leaves that are views against their content ids, once the storages are filled.
    ///
    /// - Throws: ``RegistryError/damaged(_:)``.
    fileprivate func verifyViews(_ content: VersionContent, _ storages: [Storage]) throws {
        for (leaf, place) in zip(content.leaves, leaves) {
            guard case .tensor(let row, let view, let id) = leaf.content, let placement = view.placement,
                let loaded = place?.tensor
            else { continue }
            let start = loaded.offset * (view.dtype.byteWidth ?? 1) - placement.byteOffset
            let found = storages[loaded.storage].withUnsafeBytes { bytes in
                SavePlan.contentID(
                    of: view, storedID: row.contentID,
                    packed: UnsafeRawBufferPointer(rebasing: bytes[start..<start + row.byteCount]))
            }
            guard found == id else {
                throw RegistryError.damaged(
                    RegistryError.Damage(
                        version: version.reference, path: leaf.path.text,
                        problem: "the view does not match its content id"))
            }
        }
    }

    /// The checkpoint, once its storages are filled.
    fileprivate func checkpoint(_ storages: [Storage]) throws -> Checkpoint {
        let leaves = try leaves.map { leaf in
            try leaf?.mapTensor { try Tensor($0.moved(to: storages[$0.storage])) }
        }
        // A selection that matches has at least one leaf; without leaves the structure is all there is.
        return try structure.assembled(from: leaves) ?? .dictionary(CheckpointDictionary())
    }
}
