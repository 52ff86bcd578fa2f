import Checkpoints
import ChunkStore
import GRDB
import Tensors

/// Rows of `parameter`: the leaves of versions.
enum ParameterTable {
    /// The leaves of a version in the order of its structure, those that thinning dropped among them.
    ///
    /// - Throws: ``RegistryError/Damage`` where rows contradict each other or the structure.
    static func leaves(_ db: Database, of version: Version, _ structure: Structure) throws -> [StoredLeaf] {
        let paths = structure.leafPaths
        let dropped = try DroppedTable.leaves(db, version)
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT ordinal, role, storage, storage_offset, view_id, view_dtype, view_shape, view_strides,
                           view_offset, value_kind, value, tensor.id AS tensor_id, tensor.content_id, tensor.dtype,
                           tensor.shape, tensor.byte_count,
                           (SELECT count(*) FROM tensor_chunk WHERE tensor_chunk.tensor = parameter.tensor) AS chunk_count
                    FROM parameter LEFT JOIN tensor ON tensor.id = parameter.tensor
                    WHERE version = ? ORDER BY ordinal
                    """), arguments: [version.rowID])
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

    /// Inserts a leaf that is a plain value.
    static func insert(_ value: PlainValue, version: Int64, ordinal: Int, path: Int64, _ db: Database) throws {
        try insertion(db).execute(arguments: [
            version, ordinal, path, nil, nil, nil, nil, nil, nil, nil, nil, nil, value.columnKind,
            value.columnValue,
        ])
    }

    /// Inserts a leaf that is a view of a tensor.
    ///
    /// - Parameter id: The content id of the view, which need not be that of the tensor.
    static func insert(
        _ view: SavePlan.View, of tensor: Int64, role: TensorRole, id: ContentID?, version: Int64, ordinal: Int,
        path: Int64, _ db: Database
    ) throws {
        let placement = view.placement
        try insertion(db).execute(arguments: [
            version, ordinal, path, role == .unspecified ? nil : role.rawValue, tensor, view.sharing?.storage,
            view.sharing?.byteOffset, placement == nil ? nil : id?.data,
            placement == nil ? nil : view.dtype.rawValue,
            placement == nil ? nil : IntegerList.text(view.shape),
            placement.map { IntegerList.text($0.strides) }, placement?.byteOffset, nil, nil,
        ])
    }

    private static func insertion(_ db: Database) throws -> Statement {
        try db.cachedStatement(
            sql: """
                INSERT INTO parameter
                  (version, ordinal, path, role, tensor, storage, storage_offset,
                   view_id, view_dtype, view_shape, view_strides, view_offset, value_kind, value)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
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
