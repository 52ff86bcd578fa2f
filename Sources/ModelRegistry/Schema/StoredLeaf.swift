import Checkpoints
import ChunkStore
import GRDB
import Tensors

/// A tensor's row.
struct TensorRow: Hashable, Sendable {
    let rowID: Int64
    let contentID: ContentID
    let dtype: DType
    let shape: [Int]
    /// As many as its chunks hold: a row that claims more than is there never becomes memory.
    let byteCount: Int
}

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

/// The structure and leaves of a version.
struct VersionContent: Sendable {
    let version: Version
    let structure: Structure
    let leaves: [StoredLeaf]

    /// Reads the rows of `version`.
    ///
    /// - Parameter checksContentID: Whether rows that are not those of the version's content id are damage.
    /// - Throws: ``RegistryError/damaged(_:)`` when they contradict each other,
    ///   ``RegistryError/deletedMeanwhile(version:)``.
    /// - Complexity: O(leaves). No chunk is read.
    init(_ db: Database, _ version: Version, checksContentID: Bool = true) throws {
        try VersionTable.requirePresent(version, db)
        self.version = version
        (structure, leaves) = try locatingDamage(version: version.reference) {
            let structure = try VersionContent.structure(db, version)
            return (structure, try VersionContent.leaves(db, version, structure))
        }
        if checksContentID, manifest.contentID != version.contentID {
            throw RegistryError.damaged(
                RegistryError.Damage(version: version.reference, problem: "it does not match its content id"))
        }
    }

    private static func structure(_ db: Database, _ version: Version) throws -> Structure {
        let json = try String.fetchOne(
            db,
            sql:
                "SELECT json FROM structure JOIN version ON version.structure = structure.id WHERE version.id = ?",
            arguments: [version.rowID])
        guard let json else { throw RegistryError.Damage(problem: "the structure is missing") }
        do {
            return try Structure(json: json)
        } catch {
            throw RegistryError.Damage(problem: "\(error)")
        }
    }

    private static func leaves(_ db: Database, _ version: Version, _ structure: Structure) throws
        -> [StoredLeaf]
    {
        let paths = structure.leafPaths
        let dropped = try DroppedTable.leaves(db, version)
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT ordinal, role, storage, storage_offset, view_id, view_dtype, view_shape, view_strides,
                       view_offset, value_kind, value, tensor.id AS tensor_id, tensor.content_id, tensor.dtype,
                       tensor.shape, tensor.byte_count,
                       (SELECT count(*) FROM tensor_chunk WHERE tensor_chunk.tensor = parameter.tensor) AS chunk_count
                FROM parameter LEFT JOIN tensor ON tensor.id = parameter.tensor
                WHERE version = ? ORDER BY ordinal
                """,
            arguments: [version.rowID])
        var leaves: [StoredLeaf] = []
        func appendDropped() {
            while let (role, tensor) = dropped[leaves.count], leaves.count < paths.count {
                leaves.append(
                    StoredLeaf(path: paths[leaves.count], role: role, content: .dropped(tensor)))
            }
        }
        while let row = try rows.next() {
            let ordinal: Int = try row.value("ordinal")
            appendDropped()
            guard ordinal == leaves.count, ordinal < paths.count else {
                throw RegistryError.Damage(problem: "its leaves do not fit its structure")
            }
            leaves.append(
                try locatingDamage(path: paths[ordinal]) { try StoredLeaf(row, path: paths[ordinal]) })
        }
        appendDropped()
        guard leaves.count == paths.count else {
            throw RegistryError.Damage(problem: "\(leaves.count) leaves where its structure has \(paths.count)")
        }
        return leaves
    }
}

extension StoredLeaf {
    fileprivate init(_ row: Row, path: CheckpointPath) throws {
        self.path = path
        role = try row.optional("role", as: String.self).flatMap { TensorRole(rawValue: $0) } ?? .unspecified
        if let kind: String = try row.optional("value_kind") {
            content = .value(try PlainValue(kind: kind, value: row["value"]))
            return
        }
        let tensor = try TensorRow(row)
        var sharing: SavePlan.Sharing?
        if let storage: Int = try row.optional("storage") {
            let offset: Int = try row.value("storage_offset")
            guard offset >= 0, !offset.addingReportingOverflow(tensor.byteCount).overflow else {
                throw RegistryError.Damage(problem: "impossible offset \(offset) in a shared storage")
            }
            sharing = SavePlan.Sharing(storage: storage, byteOffset: offset)
        }
        guard let stridesText: String = try row.optional("view_strides") else {
            let view = SavePlan.View(dtype: tensor.dtype, shape: tensor.shape, placement: nil, sharing: sharing)
            content = .tensor(tensor, view: view, id: tensor.contentID)
            return
        }
        let placement = SavePlan.Placement(
            byteOffset: try row.value("view_offset"), strides: try IntegerList.numbers(stridesText))
        let view = SavePlan.View(
            dtype: try DType(column: row.value("view_dtype")),
            shape: try IntegerList.numbers(row.value("view_shape")), placement: placement, sharing: sharing)
        try view.check(within: tensor.byteCount)
        content = .tensor(tensor, view: view, id: try row.contentID("view_id"))
    }
}

extension TensorRow {
    fileprivate init(_ row: Row) throws {
        rowID = try row.value("tensor_id")
        contentID = try row.contentID("content_id")
        dtype = try DType(column: row.value("dtype"))
        shape = try IntegerList.numbers(row.value("shape"))
        byteCount = try row.value("byte_count")
        guard let needed = try? TensorGeometry.byteCount(dtype: dtype, shape: shape), needed == byteCount else {
            throw RegistryError.Damage(problem: "\(dtype) of shape \(shape) is not \(byteCount) bytes")
        }
        let chunkCount: Int = try row.value("chunk_count")
        let expected = Chunking.chunkCount(byteCount: byteCount)
        guard chunkCount == expected else {
            throw RegistryError.Damage(problem: "\(chunkCount) chunks where \(expected) belong")
        }
    }
}

extension DType {
    /// The type that a column names.
    ///
    /// - Throws: ``RegistryError/Damage``.
    init(column text: String) throws {
        guard let dtype = DType(rawValue: text) else {
            throw RegistryError.Damage(
                problem: "unknown element type \"\(text)\"; perhaps from a newer modelreg")
        }
        self = dtype
    }
}

extension SavePlan.View {
    /// Checks that the view lies within a tensor of `byteCount` bytes, and its elements aligned in their storage.
    /// Where views of several types share a storage, a tensor need not begin on a multiple of every width.
    ///
    /// - Throws: ``RegistryError/Damage``.
    func check(within byteCount: Int) throws {
        guard let placement else { return }
        let span = try? TensorGeometry.span(dtype: dtype, shape: shape, strides: placement.strides)
        guard placement.byteOffset >= 0, let span, placement.byteOffset <= byteCount,
            span.upperBound <= byteCount - placement.byteOffset,
            (placement.byteOffset + (sharing?.byteOffset ?? 0)) % (dtype.byteWidth ?? 1) == 0
        else {
            throw RegistryError.Damage(
                problem: "view \(shape) by \(placement.strides) reaches beyond its tensor")
        }
    }
}

extension VersionContent {
    /// The manifest that the rows describe.
    var manifest: Manifest {
        let leaves = leaves.map { leaf in
            switch leaf.content {
            case .value(let value): Manifest.Leaf(path: leaf.path, content: .value(value))
            case .tensor(_, let view, let id):
                Manifest.Leaf(path: leaf.path, content: .tensor(Manifest.TensorContent(id: id, view: view)))
            case .dropped(let tensor): Manifest.Leaf(path: leaf.path, content: .tensor(tensor))
            }
        }
        return Manifest(structure: structure, leaves: leaves)
    }
}

extension VersionContent {
    /// Checks that none of the leaves asked for was dropped.
    ///
    /// - Throws: ``RegistryError/thinned(version:paths:whole:)``.
    func checkPresent(_ isSelected: [Bool]) throws {
        let dropped = zip(leaves, isSelected).compactMap { leaf, isSelected in
            if isSelected, case .dropped = leaf.content { leaf.path.text } else { nil }
        }
        if !dropped.isEmpty {
            throw RegistryError.thinned(version: version.reference, paths: dropped, whole: wholeParts)
        }
    }

    /// The keys at the top of the checkpoint below which no tensor was dropped.
    private var wholeParts: [String] {
        var parts: [String] = []
        var thinned: Set<String> = []
        for leaf in leaves {
            let part = leaf.path.text.split(separator: "/", omittingEmptySubsequences: false)[0]
            if !parts.contains(String(part)) { parts.append(String(part)) }
            if case .dropped = leaf.content { thinned.insert(String(part)) }
        }
        return parts.filter { !thinned.contains($0) }
    }
}
