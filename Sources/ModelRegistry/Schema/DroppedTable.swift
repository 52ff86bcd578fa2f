import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// Leaves of thinned versions whose tensors were dropped.
enum DroppedTable {
    /// Drops the tensors at some of a version's leaves; `gc` then frees what nothing else needs. The file that the
    /// version was saved from cannot be given back after that.
    ///
    /// - Parameter ordinals: Leaves that are tensors.
    static func drop(_ db: Database, _ content: VersionContent, ordinals: [Int], at now: String) throws {
        guard !ordinals.isEmpty else { return }
        let leaves = content.manifest.leaves
        let find = try db.cachedStatement(
            sql: "SELECT path FROM parameter WHERE version = ? AND ordinal = ?")
        let delete = try db.cachedStatement(sql: "DELETE FROM parameter WHERE version = ? AND ordinal = ?")
        for ordinal in ordinals {
            guard case .tensor(let tensor) = leaves[ordinal].content else { continue }
            let row = try Row.fetchOne(find, arguments: [content.version.rowID, ordinal])
            guard let row else { throw RegistryError.Damage(problem: "a leaf's row is missing") }
            try insert(
                db, version: content.version.rowID, ordinal: ordinal, path: row.value("path"),
                role: content.leaves[ordinal].role, tensor, at: now)
            try delete.execute(arguments: [content.version.rowID, ordinal])
        }
        try db.cachedStatement(sql: "DELETE FROM source_file WHERE version = ?").execute(arguments: [
            content.version.rowID
        ])
        try EventTable.insert(
            db, "thin", model: content.version.model, number: content.version.number, at: now,
            detail: "{\"dropped_tensor_count\":\(ordinals.count)}")
    }

    /// Notes what a leaf was whose tensor is not there.
    static func insert(
        _ db: Database, version: Int64, ordinal: Int, path: Int64, role: TensorRole,
        _ tensor: Manifest.TensorContent, at time: String
    ) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO dropped_parameter
                  (version, ordinal, path, role, content_id, dtype, shape, storage, byte_offset, strides, dropped_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(arguments: [
            version, ordinal, path, role == .unspecified ? nil : role.rawValue, tensor.id.data,
            tensor.dtype.rawValue, IntegerList.text(tensor.shape), tensor.tie?.storage, tensor.tie?.byteOffset,
            tensor.tie.map { IntegerList.text($0.strides) }, time,
        ])
    }

    /// When tensors of a version were dropped last; `nil` where none was.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func latestTime(_ db: Database, _ version: Version) throws -> String? {
        let time = try String.fetchOne(
            db.cachedStatement(sql: "SELECT max(dropped_at) FROM dropped_parameter WHERE version = ?"),
            arguments: [version.rowID])
        if let time, !Timestamp.isValid(time) {
            throw RegistryError.Damage(problem: "\"\(time.prefix(40))\" is no time")
        }
        return time
    }

    /// What was dropped of a version, and its role, by ordinal.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func leaves(
        _ db: Database, _ version: Version
    ) throws -> [Int: (role: TensorRole, tensor: Manifest.TensorContent)] {
        guard version.droppedTensorCount > 0 else { return [:] }
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT ordinal, role, content_id, dtype, shape, storage, byte_offset, strides
                    FROM dropped_parameter WHERE version = ?
                    """), arguments: [version.rowID])
        var leaves: [Int: (role: TensorRole, tensor: Manifest.TensorContent)] = [:]
        for row in rows {
            let dtype = try DType(column: row.value("dtype"))
            let shape = try IntegerList.numbers(row.value("shape"))
            guard (try? TensorGeometry.byteCount(dtype: dtype, shape: shape)) != nil else {
                throw RegistryError.Damage(problem: "\(dtype) of shape \(shape) is impossibly large")
            }
            var tie: Manifest.Tie?
            if let storage: Int = try row.optional("storage") {
                tie = Manifest.Tie(
                    storage: storage, byteOffset: try row.value("byte_offset"),
                    strides: try IntegerList.numbers(row.value("strides")))
            }
            let role = try row.optional("role", as: String.self).flatMap { TensorRole(rawValue: $0) }
            let tensor = Manifest.TensorContent(
                id: try row.contentID("content_id"), dtype: dtype, shape: shape, tie: tie)
            leaves[try row.value("ordinal")] = (role ?? .unspecified, tensor)
        }
        return leaves
    }
}
