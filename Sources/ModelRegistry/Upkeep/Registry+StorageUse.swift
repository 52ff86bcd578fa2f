public import Checkpoints
import ChunkStore
import GRDB
import Tensors

/// What versions take in a registry. Stored bytes are those of encoded chunks; a chunk that is a difference counts
/// with its own bytes, without those of its base.
public struct StorageUse: Hashable, Sendable {
    /// Bytes before compression; a tied tensor counts under each of its names.
    public let byteCount: Int
    /// Stored bytes of all chunks, each once.
    public let storedByteCount: Int
    /// Stored bytes of the chunks that nothing else has.
    public let uniqueByteCount: Int
    /// Stored bytes of the chunks that others have too.
    public var sharedByteCount: Int { storedByteCount - uniqueByteCount }
}

/// What the versions of a model take.
public struct ModelStorageUse: Hashable, Sendable {
    /// The model's name.
    public let model: String
    /// Number of its versions.
    public let versionCount: Int
    /// What they take; unique is what no other model has.
    public let use: StorageUse
}

/// What a version takes.
public struct VersionStorageUse: Hashable, Sendable {
    /// Such as `mlp:v3`.
    public let reference: String
    /// What it takes; unique is what no other version has.
    public let use: StorageUse
}

/// What a tensor of a version takes, and who else needs its chunks.
public struct TensorStorageUse: Hashable, Sendable {
    /// The leaf's path.
    public let path: CheckpointPath
    /// What it takes; unique is what no other version has.
    public let use: StorageUse
    /// Deltas to decode before its chunks, at most.
    public let depth: Int
    /// Other versions that have some of its chunks, by model and number.
    public let users: [String]
    /// Other versions that are stored as differences from some of its chunks, by model and number.
    public let dependants: [String]
}

/// The registry file.
public struct FileStorageUse: Hashable, Sendable {
    /// Bytes of the file.
    public let byteCount: Int
    /// Bytes of encoded chunks that versions need.
    public let storedByteCount: Int
    /// Bytes of pages that are free, and used by the next save.
    public let freeByteCount: Int
}

extension Registry {
    /// What the file takes.
    public func fileStorageUse() throws -> FileStorageUse {
        try read { db in
            let pages = try PageCounts(db)
            return FileStorageUse(
                byteCount: pages.all * pages.pageByteCount,
                storedByteCount: try ChunkTable.neededByteCount(db, store.needs),
                freeByteCount: pages.free * pages.pageByteCount)
        }
    }

    /// What each model takes, by name.
    ///
    /// - Complexity: O(leaves of all versions).
    public func modelStorageUse() throws -> [ModelStorageUse] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    WITH used AS (
                      SELECT DISTINCT version.model, tensor_chunk.chunk FROM version
                      JOIN parameter ON parameter.version = version.id
                      JOIN tensor_chunk ON tensor_chunk.tensor = parameter.tensor WHERE version.deleted_at IS NULL),
                    owner AS MATERIALIZED (
                      SELECT chunk, count(*) AS user_count, \(ChunkTable.storedByteCount(of: "used.chunk")) AS stored
                      FROM used GROUP BY chunk),
                    total AS (
                      SELECT used.model, sum(owner.stored) AS stored,
                             sum(iif(user_count = 1, owner.stored, 0)) AS only_here
                      FROM used JOIN owner ON owner.chunk = used.chunk GROUP BY used.model)
                    SELECT model.name, count(version.id) AS version_count,
                           ifnull(sum(version.byte_count), 0) AS byte_count, ifnull(stored, 0) AS stored,
                           ifnull(only_here, 0) AS only_here
                    FROM model LEFT JOIN version ON version.model = model.id AND version.deleted_at IS NULL
                    LEFT JOIN total ON total.model = model.id
                    GROUP BY model.id ORDER BY model.name
                    """
            ).map { row in
                ModelStorageUse(
                    model: try row.value("name"), versionCount: try row.value("version_count"),
                    use: try StorageUse(row))
            }
        }
    }

    /// What each version of a model takes, latest first.
    ///
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    /// - Complexity: O(leaves of the model's versions, and of others that share tensors).
    public func versionStorageUse(of model: String) throws -> [VersionStorageUse] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    WITH used AS (
                      SELECT DISTINCT version.id AS version, tensor_chunk.chunk FROM version
                      JOIN parameter ON parameter.version = version.id
                      JOIN tensor_chunk ON tensor_chunk.tensor = parameter.tensor
                      WHERE version.deleted_at IS NULL AND version.model = ?1),
                    owner AS MATERIALIZED (
                      SELECT chunk, (
                        SELECT count(DISTINCT parameter.version) FROM tensor_chunk
                        JOIN parameter ON parameter.tensor = tensor_chunk.tensor
                        JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL
                        WHERE tensor_chunk.chunk = mine.chunk) AS user_count,
                        \(ChunkTable.storedByteCount(of: "mine.chunk")) AS stored
                      FROM (SELECT DISTINCT chunk FROM used) AS mine),
                    total AS (
                      SELECT used.version, sum(owner.stored) AS stored,
                             sum(iif(user_count = 1, owner.stored, 0)) AS only_here
                      FROM used JOIN owner ON owner.chunk = used.chunk GROUP BY used.version)
                    SELECT version.number, version.byte_count, ifnull(stored, 0) AS stored,
                           ifnull(only_here, 0) AS only_here
                    FROM version LEFT JOIN total ON total.version = version.id
                    WHERE version.model = ?1 AND version.deleted_at IS NULL ORDER BY version.number DESC
                    """,
                arguments: [try VersionTable.modelID(db, model)]
            ).map { row in
                VersionStorageUse(
                    reference: "\(model):v\(try row.value("number", as: Int.self))", use: try StorageUse(row))
            }
        }
    }

    /// What each tensor of a version takes, and why its chunks would stay if the version were deleted.
    ///
    /// - Throws: ``RegistryError``.
    public func tensorStorageUse(of reference: String) throws -> [TensorStorageUse] {
        try read { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            let content = try VersionContent(db, version)
            func users(of condition: String) throws -> Statement {
                try db.cachedStatement(
                    sql: """
                        SELECT DISTINCT model.name || ':v' || version.number FROM tensor_chunk AS mine
                        JOIN tensor_chunk AS other ON \(condition)
                        JOIN parameter ON parameter.tensor = other.tensor
                        JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL AND version.id <> ?2
                        JOIN model ON model.id = version.model
                        WHERE mine.tensor = ?1 ORDER BY model.name, version.number
                        """)
            }
            let sameChunk = try users(of: "other.chunk = mine.chunk")
            let delta = try users(of: "other.chunk IN \(ChunkTable.deltas(from: "mine.chunk"))")
            let bytes = try db.cachedStatement(
                sql: """
                    WITH mine AS MATERIALIZED (
                      SELECT chunk, \(ChunkTable.storedByteCount(of: "part.chunk")) AS stored,
                             \(ChunkTable.depth(of: "part.chunk")) AS depth
                      FROM (SELECT DISTINCT chunk FROM tensor_chunk WHERE tensor = ?1) AS part)
                    SELECT ?3 AS byte_count, ifnull(sum(stored), 0) AS stored,
                           ifnull(max(depth), 0) AS depth, ifnull(sum(iif(EXISTS (
                             SELECT 1 FROM tensor_chunk AS other JOIN parameter ON parameter.tensor = other.tensor
                             JOIN version ON version.id = parameter.version AND version.deleted_at IS NULL
                             WHERE other.chunk = mine.chunk AND version.id <> ?2), 0, stored)), 0) AS only_here
                    FROM mine
                    """)
            return try content.leaves.compactMap { leaf in
                guard case .tensor(let tensor, _, _) = leaf.content else { return nil }
                let row = try Row.fetchOne(bytes, arguments: [tensor.rowID, version.rowID, tensor.byteCount])
                guard let row else { return nil }
                return TensorStorageUse(
                    path: leaf.path, use: try StorageUse(row), depth: try row.value("depth"),
                    users: try String.fetchAll(sameChunk, arguments: [tensor.rowID, version.rowID]),
                    dependants: try String.fetchAll(delta, arguments: [tensor.rowID, version.rowID]))
            }
        }
    }

    /// Bytes that the file is shorter by once a version is deleted and its garbage collected, beyond those that a
    /// collection would free now: packs, rows and all. Chunks that depend on it are encoded anew to find out.
    ///
    /// - Throws: ``RegistryError``.
    public func byteCountFreed(byDeleting reference: String) throws -> Int {
        try byteCountFreed(byDeleting: [version(reference)])
    }

    /// Bytes that the file is shorter by once all of some versions are deleted and their garbage is collected.
    ///
    /// - Throws: ``RegistryError``.
    public func byteCountFreed(byDeleting versions: [Version]) throws -> Int {
        try byteCountFreed { db in
            for version in versions { try GarbageTable.delete(version, db) }
        }
    }

    /// The same for a change of any kind, which is undone.
    func byteCountFreed(after change: (Database) throws -> Void) throws -> Int {
        let collection = GarbageCollection(self)
        let now = try collection.rehearse().freedByteCount
        return try withoutActuallyEscaping(change) { change in
            try collection.rehearse(after: change).freedByteCount - now
        }
    }
}

extension StorageUse {
    fileprivate init(_ row: Row) throws {
        byteCount = try row.value("byte_count")
        storedByteCount = try row.value("stored")
        uniqueByteCount = try row.value("only_here")
    }
}
