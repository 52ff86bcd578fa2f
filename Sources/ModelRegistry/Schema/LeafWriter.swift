import Checkpoints
import ChunkStore
import GRDB
import Tensors

/// Inserts the leaves of a version, and what they refer to.
struct LeafWriter {
    private let db: Database
    private let findPath: Statement
    private let insertPath: Statement
    private let findTensor: Statement
    private let insertTensor: Statement
    private let insertLeaf: Statement

    init(_ db: Database) throws {
        self.db = db
        findPath = try db.cachedStatement(sql: "SELECT id FROM path WHERE text = ?")
        insertPath = try db.cachedStatement(sql: "INSERT INTO path (text) VALUES (?)")
        findTensor = try db.cachedStatement(sql: "SELECT id FROM tensor WHERE content_id = ?")
        insertTensor = try db.cachedStatement(
            sql: """
                INSERT INTO tensor
                  (content_id, dtype, shape, byte_count, nan_count, infinity_count, zero_count, minimum, maximum, l2_norm)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        insertLeaf = try db.cachedStatement(
            sql: """
                INSERT INTO parameter
                  (version, ordinal, path, role, tensor, storage, storage_offset,
                   view_id, view_dtype, view_shape, view_strides, view_offset, value_kind, value)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
    }

    /// The row of a structure, inserted where there is none.
    func row(of structure: Structure) throws -> Int64 {
        let json = structure.json
        let id = ContentID(hashing: Array(json.utf8))
        try db.execute(
            sql: "INSERT INTO structure (content_id, json) VALUES (?, ?) ON CONFLICT (content_id) DO NOTHING",
            arguments: [id.data, json])
        let row = try Int64.fetchOne(
            db, sql: "SELECT id FROM structure WHERE content_id = ?", arguments: [id.data])
        guard let row else { throw RegistryError.Damage(problem: "a structure was not inserted") }
        return row
    }

    /// The row of a name, inserted where there is none.
    func row(of path: CheckpointPath) throws -> Int64 {
        if let row = try Int64.fetchOne(findPath, arguments: [path.text]) { return row }
        try insertPath.execute(arguments: [path.text])
        return db.lastInsertedRowID
    }

    /// The row of a tensor, if there is one.
    func row(ofTensor id: ContentID) throws -> Int64? {
        try Int64.fetchOne(findTensor, arguments: [id.data])
    }

    /// Inserts a tensor whose chunks are there.
    ///
    /// - Returns: Its row.
    func insert(_ tensor: NewTensor) throws -> Int64 {
        let health = tensor.health
        try insertTensor.execute(arguments: [
            tensor.id.data, tensor.dtype.rawValue, IntegerList.text(tensor.shape), tensor.byteCount,
            health?.nanCount, health?.infinityCount, health?.zeroCount, health?.minimum, health?.maximum,
            health?.l2Norm,
        ])
        let row = db.lastInsertedRowID
        try TensorChunkTable.insert(tensor.chunks, of: row, db)
        return row
    }

    /// Inserts a leaf that is a plain value.
    func insert(_ value: PlainValue, version: Int64, ordinal: Int, path: Int64) throws {
        try insertLeaf.execute(arguments: [
            version, ordinal, path, nil, nil, nil, nil, nil, nil, nil, nil, nil, value.columnKind,
            value.columnValue,
        ])
    }

    /// Inserts a leaf that is a view of a tensor.
    ///
    /// - Parameter id: The content id of the view, which need not be that of the tensor.
    func insert(
        _ view: SavePlan.View, of tensor: Int64, role: TensorRole, id: ContentID?, version: Int64, ordinal: Int,
        path: Int64
    ) throws {
        let placement = view.placement
        try insertLeaf.execute(arguments: [
            version, ordinal, path, role == .unspecified ? nil : role.rawValue, tensor, view.sharing?.storage,
            view.sharing?.byteOffset, placement == nil ? nil : id?.data,
            placement == nil ? nil : view.dtype.rawValue,
            placement == nil ? nil : IntegerList.text(view.shape),
            placement.map { IntegerList.text($0.strides) }, placement?.byteOffset, nil, nil,
        ])
    }
}
