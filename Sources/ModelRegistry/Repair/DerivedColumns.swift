import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// Columns that follow from other rows: whether they do, and how they are computed again.
enum DerivedColumns {
    // MARK: Comparing

    /// The columns of a version's row that are not what its leaves say.
    static func differences(_ content: VersionContent) -> [String] {
        let (version, manifest) = (content.version, content.manifest)
        var names: [String] = []
        if manifest.contentID != version.contentID { names.append("content_id") }
        if manifest.structure.kind != version.kind { names.append("kind") }
        if manifest.tensorCount != version.tensorCount { names.append("tensor_count") }
        if manifest.byteCount != version.byteCount { names.append("byte_count") }
        return names
    }

    /// The highest number that a model has used, as far as versions say, and both copies of the diary; 0 where there is
    /// none.
    static func lastNumber(of model: Int64, _ name: String, _ db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT max(
                      ifnull((SELECT max(number) FROM version NOT INDEXED WHERE version.model = ?1), 0),
                      min(ifnull((SELECT max(number) FROM event NOT INDEXED WHERE event.model = ?2), 0),
                          ifnull((SELECT max(number) FROM event INDEXED BY event_facts WHERE event.model = ?2), 0)))
                    """), arguments: [model, name]) ?? 0
    }

    /// The first thing that is wrong with each kind of derived column, but for those of versions.
    static func problems(_ db: Database) throws -> [RegistryError.Damage] {
        var problems: [RegistryError.Damage] = []
        for row in try Row.fetchAll(
            db,
            sql: """
                SELECT name, next_number, max(number) AS last FROM model JOIN version ON version.model = model.id
                GROUP BY model.id HAVING next_number <= last
                """)
        {
            problems.append(
                RegistryError.Damage(
                    problem:
                        "the next number of \(quoted(try row.value("name"))) is \(row["next_number"] as Any), "
                        + "and it has version \(try row.value("last", as: Int.self))"))
        }
        let count = try ChunkRepair.wrongDepthCount(db)
        if count > 0 {
            problems.append(
                RegistryError.Damage(
                    problem: "\(count) chunks do not say how many differences they are from a keyframe"))
        }
        return problems
    }
}

/// Computes derived columns again, where the rows that they follow from match their content ids.
struct DerivedRepair {
    private let registry: Registry
    private let log: RepairLog

    init(_ registry: Registry, _ log: RepairLog) {
        self.registry = registry
        self.log = log
    }

    /// - Complexity: O(rows), in short transactions.
    func run() throws {
        try mending { try repairTensors() }
        try mending { try repairVersions() }
        try mending { try repairNextNumbers() }
        try mending { try repairPacks() }
        try mending { try repairDepths() }
    }

    /// What cannot be written for an index that is left as it is stays as it is.
    private func mending(_ body: () throws -> Void) throws {
        do { try body() } catch RegistryError.damaged(let damage) {
            log.leave("a column was not computed anew: \(damage)")
        }
    }

    private func repairTensors() throws {
        let rows = try registry.read { db in
            try Row.fetchAll(db, sql: "SELECT id, dtype, shape, byte_count FROM tensor NOT INDEXED").filter {
                row in
                guard let right = try? byteCount(row) else { return false }
                return row["byte_count"] != right
            }
        }
        for row in rows {
            try registry.write { db in
                let id: Int64 = try row.value("id")
                try db.inSavepoint {
                    try db.execute(
                        sql: "UPDATE tensor SET byte_count = ? WHERE id = ?",
                        arguments: [try byteCount(row), id])
                    guard try RowProof(registry).isTensorProvenOrGone(id, db) else { return .rollback }
                    log.note(.init("the length of tensor \(id) was computed anew"))
                    return .commit
                }
            }
        }
    }

    private func byteCount(_ row: Row) throws -> Int {
        try TensorGeometry.byteCount(
            dtype: DType(column: row.value("dtype")), shape: IntegerList.numbers(row.value("shape")))
    }

    private func repairVersions() throws {
        let ids = try registry.read { db in
            try Int64.fetchAll(
                db, sql: "SELECT id FROM version NOT INDEXED WHERE deleted_at IS NULL ORDER BY id")
        }
        for id in ids {
            try Task.checkCancellation()
            let isRight = try registry.read { db in
                do {
                    return try locatingDamage {
                        let content = try VersionContent(db, VersionTable.version(db, rowID: id))
                        return DerivedColumns.differences(content).isEmpty
                    }
                } catch RegistryError.damaged {
                    // Where it cannot be looked at for another reason than its kind, that is for verification to say.
                    let kind = "SELECT kind FROM version NOT INDEXED WHERE id = ?"
                    return try String.fetchOne(db, sql: kind, arguments: [id]).flatMap(CheckpointKind.init)
                        != nil
                } catch RegistryError.deletedMeanwhile {
                    return true
                }
            }
            if !isRight { try repairVersion(id) }
        }
    }

    private func repairVersion(_ id: Int64) throws {
        try registry.write { db in
            try db.inSavepoint {
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT json FROM version NOT INDEXED JOIN structure ON structure.id = version.structure
                        WHERE version.id = ?
                        """, arguments: [id])
                // Without its kind the version cannot be looked at.
                guard let row, let structure = try? Structure(json: row.value("json")) else { return .rollback }
                try db.execute(
                    sql: "UPDATE version SET kind = ? WHERE id = ?",
                    arguments: [structure.kind.rawValue, id])
                do {
                    return try locatingDamage {
                        let content = try VersionContent(db, VersionTable.version(db, rowID: id))
                        let manifest = content.manifest
                        try db.execute(
                            sql: "UPDATE version SET tensor_count = ?, byte_count = ? WHERE id = ?",
                            arguments: [manifest.tensorCount, manifest.byteCount, id])
                        log.note(
                            .init(
                                "kind, number of tensors and bytes were computed anew",
                                version: content.version.reference))
                        return .commit
                    }
                } catch RegistryError.damaged {
                    // Verification says what is wrong with it.
                    return .rollback
                }
            }
        }
    }

    private func repairNextNumbers() throws {
        try registry.write { db in
            for row in try Row.fetchAll(db, sql: "SELECT id, name, next_number FROM model NOT INDEXED") {
                let (id, name): (Int64, String) = (try row.value("id"), try row.value("name"))
                let last = try DerivedColumns.lastNumber(of: id, name, db)
                guard try row.value("next_number") <= last else { continue }
                try db.execute(
                    sql: "UPDATE model SET next_number = ? WHERE id = ?", arguments: [last + 1, id])
                log.note(.init("the next number of \(quoted(name)) is \(last + 1) again"))
            }
        }
    }

    private func repairPacks() throws {
        for pack in try translatingErrors({ try ChunkRepair(registry.store).repairPackLengths() }) {
            log.note(.init("the length of pack \(pack) was counted anew"))
        }
    }

    private func repairDepths() throws {
        let count = try translatingErrors { try ChunkRepair(registry.store).repairDepths() }
        if count > 0 { log.note(.init("the depth of \(count) chunks was counted anew")) }
    }
}
