package import Checkpoints
import ChunkStore
import GRDB
package import Tensors

/// How the leaves of a version lie in storages, before any byte is read.
///
/// Leaves that share a storage have the same storage here; every other tensor has one of its own.
package struct StorageLayout: Sendable {
    /// The version.
    package let version: Version
    /// The version's containers.
    package let structure: Structure
    /// The leaves in the structure's order; `nil` where not selected.
    package let leaves: [Leaf?]
    /// Bytes of each storage.
    package let storageByteCounts: [Int]
    /// The tensors that storages are put together from.
    let pieces: [Piece]
    /// Reads these tensors.
    let reader: TensorReader

    /// A plain value, or a tensor as a view of a numbered storage, known to lie within it.
    package typealias Leaf = CheckpointLeaf<TensorLayout<Int>>

    /// A stored tensor and where its bytes go.
    struct Piece: Hashable, Sendable {
        let tensor: TensorRow
        /// For messages.
        let path: CheckpointPath
        let storage: Int
        let byteOffset: Int
    }

    /// Lays out the selected leaves of `content`.
    ///
    /// - Throws: ``RegistryError/damaged(_:)`` when shared storages contradict themselves;
    ///   ``RegistryError/thinned(version:paths:whole:)``.
    init(_ registry: Registry, _ db: Database, _ content: VersionContent, selected: [Bool]) throws {
        try content.checkPresent(selected)
        version = content.version
        structure = content.structure
        (leaves, storageByteCounts, pieces) = try locatingDamage(version: content.version.reference) {
            try StorageLayout.parts(content, selected)
        }
        reader = try TensorReader(registry, db, content.version, pieces.map { ($0.tensor, $0.path) })
    }

    /// Checks that what is there of a version can be laid out. Chunks are not looked for.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func check(_ content: VersionContent) throws {
        let isPresent = content.leaves.map { leaf in
            if case .dropped = leaf.content { false } else { true }
        }
        _ = try parts(content, isPresent)
    }

    private static func parts(
        _ content: VersionContent, _ selected: [Bool]
    ) throws -> (leaves: [Leaf?], storageByteCounts: [Int], pieces: [Piece]) {
        var builder = try StorageLayoutBuilder(content, selected: selected)
        let leaves = try zip(content.leaves, selected).map { leaf, isSelected in
            isSelected ? try builder.place(leaf) : nil
        }
        try builder.checkDisjoint()
        return (leaves, builder.storageByteCounts, builder.pieces)
    }
}

private struct StorageLayoutBuilder {
    private(set) var storageByteCounts: [Int] = []
    private(set) var pieces: [StorageLayout.Piece] = []

    /// The number and first byte of each storage that leaves share; gaps before and after the selection are cut off.
    private var shared: [Int: (storage: Int, start: Int)] = [:]
    private var placed: Set<Place> = []

    private struct Place: Hashable {
        let tensor: Int64
        let storage: Int
        let byteOffset: Int
    }

    init(_ content: VersionContent, selected: [Bool]) throws {
        var extents: [Int: Range<Int>] = [:]
        var known: [Int: Int] = [:]
        for (leaf, isSelected) in zip(content.leaves, selected) {
            guard case .tensor(let row, let view, _) = leaf.content, let sharing = view.sharing else {
                continue
            }
            let (end, overflow) = sharing.byteOffset.addingReportingOverflow(row.byteCount)
            guard !overflow else { throw RegistryError.Damage(problem: "a shared storage is impossibly large") }
            known[sharing.storage, default: 0] += row.byteCount + 2 * SavePlan.sharedStretchAlignment
            guard isSelected else { continue }
            let extent = extents[sharing.storage] ?? sharing.byteOffset..<end
            extents[sharing.storage] =
                min(extent.lowerBound, sharing.byteOffset)..<max(extent.upperBound, end)
        }
        for (number, extent) in extents.sorted(by: { $0.key < $1.key }) {
            let alignment = SavePlan.sharedStretchAlignment
            let start = extent.lowerBound / alignment * alignment
            // Gaps between stretches are small; a larger one was not written by a save.
            guard extent.upperBound - start <= known[number, default: 0] else {
                throw RegistryError.Damage(problem: "a shared storage is larger than what is in it")
            }
            shared[number] = (storageByteCounts.count, start)
            storageByteCounts.append(extent.upperBound - start)
        }
    }

    mutating func place(_ leaf: StoredLeaf) throws -> StorageLayout.Leaf {
        guard case .tensor(let row, let view, _) = leaf.content else {
            if case .value(let value) = leaf.content { return .value(value) }
            preconditionFailure("a leaf that is neither tensor nor value")
        }
        let (storage, byteOffset) = place(row, view, path: leaf.path)
        let first = byteOffset + (view.placement?.byteOffset ?? 0)
        let width = view.dtype.byteWidth ?? 1
        guard first % width == 0 else {
            throw RegistryError.Damage(path: leaf.path.text, problem: "the view is not aligned to its elements")
        }
        return .tensor(
            TensorLayout(
                storage: storage, dtype: view.dtype, shape: view.shape, strides: view.placement?.strides,
                offset: first / width),
            role: leaf.role)
    }

    /// Checks that no two tensors of a shared storage lie over each other: what is loaded of one would be the other's bytes.
    func checkDisjoint() throws {
        // Shared storages have the first numbers.
        let inOrder = pieces.filter { $0.storage < shared.count && $0.tensor.byteCount > 0 }
            .sorted { ($0.storage, $0.byteOffset) < ($1.storage, $1.byteOffset) }
        for (piece, next) in zip(inOrder, inOrder.dropFirst())
        where piece.storage == next.storage && next.byteOffset - piece.byteOffset < piece.tensor.byteCount {
            throw RegistryError.Damage(
                path: next.path.text, problem: "it lies over another tensor of a shared storage")
        }
    }

    /// The storage and position of a leaf's stored tensor, which becomes a piece if it is not one yet.
    private mutating func place(
        _ row: TensorRow, _ view: SavePlan.View, path: CheckpointPath
    ) -> (storage: Int, byteOffset: Int) {
        guard let sharing = view.sharing, let (storage, start) = shared[sharing.storage] else {
            storageByteCounts.append(row.byteCount)
            let storage = storageByteCounts.count - 1
            pieces.append(StorageLayout.Piece(tensor: row, path: path, storage: storage, byteOffset: 0))
            return (storage, 0)
        }
        let byteOffset = sharing.byteOffset - start
        if placed.insert(Place(tensor: row.rowID, storage: storage, byteOffset: byteOffset)).inserted {
            pieces.append(
                StorageLayout.Piece(tensor: row, path: path, storage: storage, byteOffset: byteOffset))
        }
        return (storage, byteOffset)
    }
}
