import ChunkStore
import Foundations
import GRDB

/// What deleting a version did, or would do.
public struct DeletionReport: Hashable, Sendable {
    /// The version.
    public let version: Version
    /// The aliases that named it and are removed with it.
    public let aliases: [String]
    /// Stored bytes that nothing else uses. ``Registry/byteCountFreed(byDeleting:)-(String)`` says by how much the file
    /// shrinks, for the price of a rehearsal.
    public let freedByteCount: Int
}

extension Registry {
    /// Deletes a version. Its number is never used again; its bytes are freed by the next garbage collection.
    ///
    /// - Parameters:
    ///   - force: Whether to delete a version that aliases name; these go with it.
    ///   - dryRun: Whether only to say what would be done.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func delete(_ reference: String, force: Bool = false, dryRun: Bool = false) throws -> DeletionReport
    {
        try delete([reference], force: force, dryRun: dryRun)[0]
    }

    /// Deletes several versions, all of them or none.
    ///
    /// What each reference names is found before any version goes: `mlp` and `mlp~1` are two versions.
    ///
    /// - Returns: One report for each version, also where several references name it.
    /// - Throws: ``RegistryError``; then nothing is deleted.
    @discardableResult
    public func delete(_ references: [String], force: Bool = false, dryRun: Bool = false) throws
        -> [DeletionReport]
    {
        func report(_ version: Version, _ db: Database) throws -> DeletionReport {
            if !version.aliases.isEmpty, !force {
                throw RegistryError.aliased(
                    model: version.model, number: version.number, aliases: version.aliases)
            }
            return DeletionReport(
                version: version, aliases: version.aliases,
                freedByteCount: try GarbageTable.byteCount(onlyUsedBy: version, db))
        }
        func reports(_ db: Database) throws -> [DeletionReport] {
            var seen: Set<Int64> = []
            return
                try references.map { try VersionTable.resolve(db, VersionReference($0), text: $0) }
                .filter { seen.insert($0.rowID).inserted }.map { try report($0, db) }
        }
        if dryRun { return try read(reports) }
        return try write { db in
            let reports = try reports(db)
            for report in reports { try GarbageTable.delete(report.version, db) }
            return reports
        }
    }
}

/// What nothing needs any more.
enum GarbageTable {
    /// Marks a version as deleted, and removes its aliases.
    static func delete(_ version: Version, _ db: Database) throws {
        let now = Timestamp.now()
        let modelID = try VersionTable.modelID(db, version.model)
        let aliases = try RestorableAlias.all(db, of: version.rowID)
        for alias in version.aliases {
            _ = try AliasTable.remove(db, alias, modelID: modelID, model: version.model, at: now, force: true)
        }
        try db.execute(
            sql: "UPDATE version SET deleted_at = ? WHERE id = ?", arguments: [now, version.rowID])
        // The version before it has another next version now.
        try db.execute(
            sql: """
                UPDATE version SET is_packed = 0 WHERE id = (
                  SELECT id FROM version WHERE model = ? AND number < ? AND deleted_at IS NULL
                  ORDER BY number DESC LIMIT 1)
                """,
            arguments: [modelID, version.number])
        try EventTable.insert(
            db, "rm", model: version.model, number: version.number, at: now,
            detail: try RestorableAlias.json(aliases))
    }

    /// Stored bytes of the chunks that only `version` uses, among living versions.
    static func byteCount(onlyUsedBy version: Version, _ db: Database) throws -> Int {
        let sum = try Int.fetchOne(
            db,
            sql: """
                WITH mine AS (SELECT DISTINCT tensor FROM parameter WHERE version = ?1 AND tensor IS NOT NULL),
                     freed AS (
                       SELECT tensor FROM mine WHERE NOT EXISTS (
                         SELECT 1 FROM parameter JOIN version ON version.id = parameter.version
                         WHERE parameter.tensor = mine.tensor AND version.id <> ?1 AND version.deleted_at IS NULL)),
                     candidate AS (
                       SELECT DISTINCT chunk FROM tensor_chunk WHERE tensor IN (SELECT tensor FROM freed))
                SELECT sum(\(ChunkTable.storedByteCount(of: "candidate.chunk"))) FROM candidate WHERE NOT EXISTS (
                  SELECT 1 FROM tensor_chunk JOIN parameter ON parameter.tensor = tensor_chunk.tensor
                  JOIN version ON version.id = parameter.version
                  WHERE tensor_chunk.chunk = candidate.chunk AND version.id <> ?1 AND version.deleted_at IS NULL)
                """,
            arguments: [version.rowID])
        return sum ?? 0
    }
}
