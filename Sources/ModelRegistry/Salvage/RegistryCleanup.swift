import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// Takes out of a registry whose rows come from a damaged file what is not whole, and keeps the rest.
struct RegistryCleanup {
    private let registry: Registry
    private let damagedChunks: [Int64]
    private(set) var losses: [SalvageReport.Loss] = []

    /// - Parameter damagedChunks: The rows of chunks that do not decode.
    init(_ registry: Registry, damagedChunks: [Int64]) {
        self.registry = registry
        self.damagedChunks = damagedChunks
    }

    /// Does it: what rows tell, in one transaction, and then what views say of the bytes.
    ///
    /// - Complexity: O(rows), and the bytes of views.
    mutating func run() throws {
        try translatingErrors {
            try registry.store.withWriter { db in
                // Rows go in any order; what then names a missing one goes at the end.
                try db.execute(sql: "PRAGMA foreign_keys = OFF")
                try db.inTransaction {
                    try ChunkInspection.delete(damagedChunks, db)
                    try keepModels(db)
                    try keepPaths(db)
                    try keepVersions(db)
                    try keepRuns(db)
                    try keepSharedRows(db)
                    try removeDangling(db)
                    return .commit
                }
                try db.execute(sql: "PRAGMA foreign_keys = ON")
            }
        }
        try keepViews()
    }

    // MARK: Models and paths

    /// Gives versions and runs a model whose row is lost, and models a name and a next number that are possible.
    private mutating func keepModels(_ db: Database) throws {
        let lost = try Int64.fetchAll(
            db,
            sql: """
                SELECT model FROM (SELECT model FROM version UNION SELECT model FROM run WHERE model IS NOT NULL)
                WHERE model NOT IN (SELECT id FROM model) ORDER BY model
                """)
        for id in lost {
            try db.execute(
                sql: "INSERT INTO model (id, name, created_at) VALUES (?, ?, ?)",
                arguments: [id, "\(RegistryCleanup.placeholder)-\(id)", Timestamp.now()])
            losses.append(.init("the name of a model: it is called \(RegistryCleanup.placeholder)-\(id)"))
        }
        for row in try Row.fetchAll(db, sql: "SELECT id, name FROM model") {
            let (id, name): (Int64, String) = (try row.value("id"), try row.value("name"))
            guard (try? Names.checkModel(name)) == nil else { continue }
            try db.execute(
                sql: "UPDATE model SET name = ? WHERE id = ?",
                arguments: ["\(RegistryCleanup.placeholder)-\(id)", id])
            losses.append(
                .init("the model's name \(quoted(name)): it is called \(RegistryCleanup.placeholder)-\(id)"))
        }
        try db.execute(
            sql: """
                UPDATE model SET next_number = max(next_number, ifnull(
                  (SELECT max(number) + 1 FROM version WHERE version.model = model.id), 1))
                """)
    }

    private static let placeholder = "salvaged"

    /// Writes lost names of leaves anew: structures hold them too.
    private func keepPaths(_ db: Database) throws {
        for table in ["parameter", "dropped_parameter"] {
            // One leaf of each structure that has the name: another structure may be lost.
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT leaf.path, leaf.ordinal, structure.json FROM \(table) AS leaf
                    JOIN version ON version.id = leaf.version JOIN structure ON structure.id = version.structure
                    WHERE leaf.path NOT IN (SELECT id FROM path) GROUP BY leaf.path, structure.id
                    """)
            for row in rows {
                let ordinal: Int = try row.value("ordinal")
                guard let paths = try? Structure(json: row.value("json")).leafPaths,
                    paths.indices.contains(ordinal)
                else { continue }
                let id: Int64 = try row.value("path")
                let text = paths[ordinal].text
                // Where the name is there under another number, rows that name this one follow it.
                if let known = try db.row(in: "path", where: "text", is: text), known != id {
                    try db.execute(sql: "UPDATE \(table) SET path = ? WHERE path = ?", arguments: [known, id])
                } else {
                    try db.execute(
                        sql: "INSERT OR IGNORE INTO path (id, text) VALUES (?, ?)", arguments: [id, text])
                }
            }
        }
    }

    // MARK: Versions

    private mutating func keepVersions(_ db: Database) throws {
        var isWhole: [TensorRow: Bool] = [:]
        var finder = try ChunkFinder(db)
        for id in try Int64.fetchAll(db, sql: "SELECT id FROM version ORDER BY model, number") {
            try Task.checkCancellation()
            do {
                try locatingDamage { try keep(id, &isWhole, &finder, db) }
            } catch RegistryError.damaged(let damage) {
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT model.name, number, deleted_at FROM version JOIN model ON model.id = model
                        WHERE version.id = ?
                        """,
                    arguments: [id])
                try db.execute(sql: "DELETE FROM version WHERE id = ?", arguments: [id])
                if let row, row["deleted_at"] == nil {
                    losses.append(
                        .init(
                            "the version, of which rows are damaged: \(damage.problem)",
                            version: "\(row["name"] as String):v\(row["number"] as Int)"))
                }
            }
        }
    }

    /// Checks a version, and drops those of its tensors that are not whole.
    private mutating func keep(
        _ id: Int64, _ isWhole: inout [TensorRow: Bool], _ finder: inout ChunkFinder, _ db: Database
    ) throws {
        let lostFacts = try keepFacts(of: id, db)
        let version = try VersionTable.version(db, rowID: id)
        let content = try VersionContent(db, version)
        let manifest = content.manifest
        try db.execute(
            sql: "UPDATE version SET kind = ?, tensor_count = ?, byte_count = ? WHERE id = ?",
            arguments: [manifest.structure.kind.rawValue, manifest.tensorCount, manifest.byteCount, id])
        losses += lostFacts.map { SalvageReport.Loss($0, version: version.reference) }
        var lost: [Int] = []
        for (ordinal, leaf) in content.leaves.enumerated() {
            guard case .tensor(let tensor, _, _) = leaf.content else { continue }
            if isWhole[tensor] == nil {
                isWhole[tensor] = (try? TensorChunkTable.chunks(of: tensor, &finder, db)) != nil
            }
            if isWhole[tensor] == false { lost.append(ordinal) }
        }
        if !lost.isEmpty {
            try drop(lost, content, db)
        } else if (try? source(of: version, content, db)) == nil {
            try db.execute(sql: "DELETE FROM source_file WHERE version = ?", arguments: [id])
            losses.append(.init("the bytes of its file beside the tensors", version: version.reference))
        }
    }

    /// Takes the place of what is no part of the weights and cannot be read.
    ///
    /// - Returns: What was lost.
    private func keepFacts(of id: Int64, _ db: Database) throws -> [String] {
        var lost: [String] = []
        let time = try String.fetchOne(db, sql: "SELECT created_at FROM version WHERE id = ?", arguments: [id])
        if let time, !Timestamp.isValid(time) {
            try db.execute(
                sql: "UPDATE version SET created_at = ? WHERE id = ?", arguments: [Timestamp.now(), id])
            lost.append("when it was saved: \(quoted(time))")
        }
        try db.execute(
            sql: "DELETE FROM attribute WHERE version = ? AND NOT json_valid(value)", arguments: [id])
        if db.changesCount > 0 { lost.append("\(db.changesCount) of its attributes") }
        return lost
    }

    private mutating func drop(_ lost: [Int], _ content: VersionContent, _ db: Database) throws {
        try DroppedTable.drop(db, content, ordinals: lost, at: Timestamp.now())
        let version = content.version
        let isDeleted = try Bool.fetchOne(
            db, sql: "SELECT deleted_at IS NOT NULL FROM version WHERE id = ?", arguments: [version.rowID])
        guard isDeleted == false else { return }
        losses.append(
            .init(
                "\(lost.count) of its \(content.manifest.tensorCount) tensors", version: version.reference,
                paths: lost.map { content.leaves[$0].path.text }))
    }

    /// Drops views that are not of the elements that their content ids say: no id tells where in a tensor these are.
    private mutating func keepViews() throws {
        struct View: Hashable {
            let tensor: TensorRow
            let view: SavePlan.View
            let id: ContentID
        }
        var isRight: [View: Bool] = [:]
        let versions = try registry.read { db in
            try VersionTable.fetch(db, where: "version.deleted_at IS NULL", arguments: [])
        }
        for version in versions {
            try Task.checkCancellation()
            let content = try registry.read { db in try VersionContent(db, version) }
            let wrong = content.leaves.indices.filter { ordinal in
                let leaf = content.leaves[ordinal]
                guard case .tensor(let tensor, let view, let id) = leaf.content, view.placement != nil else {
                    return false
                }
                let key = View(tensor: tensor, view: view, id: id)
                if isRight[key] == nil {
                    isRight[key] = (try? registry.contentID(of: view, in: tensor, of: version, leaf.path)) == id
                }
                return isRight[key] == false
            }
            if !wrong.isEmpty { try registry.write { db in try drop(wrong, content, db) } }
        }
    }

    private func source(of version: Version, _ content: VersionContent, _ db: Database) throws {
        guard let source = try SourceFileRow(db, version) else { return }
        _ = try source.places(try source.recipe(leafCount: content.leaves.count), content)
    }

    // MARK: Runs, and what both share

    private mutating func keepRuns(_ db: Database) throws {
        for row in try Row.fetchAll(db, sql: "SELECT \(RunTable.columns) FROM run") {
            let id: Int64 = try row.value("id")
            do {
                try locatingDamage { try RunTable.requirePossible(row) }
            } catch RegistryError.damaged(let damage) {
                try db.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [id])
                losses.append(.init("run \(id): \(damage.problem)"))
            }
        }
        try db.execute(sql: "DELETE FROM run_attribute WHERE NOT json_valid(value)")
        for row in try Row.fetchAll(db, sql: "SELECT model, name FROM alias") {
            let name: String = try row.value("name")
            guard (try? Names.checkAlias(name)) == nil else { continue }
            try db.execute(
                sql: "DELETE FROM alias WHERE model = ? AND name = ?",
                arguments: [try row.value("model", as: Int64.self), name])
            losses.append(.init("alias \(quoted(name))"))
        }
    }

    private mutating func keepSharedRows(_ db: Database) throws {
        for id in try Int64.fetchAll(db, sql: "SELECT id FROM attachment_content") {
            guard (try? AttachmentTable.Content(db, row: id)) == nil else { continue }
            let names = try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM attachment WHERE content = ?1 UNION
                    SELECT name FROM run_attachment WHERE content = ?1
                    """,
                arguments: [id])
            try db.execute(sql: "DELETE FROM attachment_content WHERE id = ?", arguments: [id])
            losses.append(.init("attachment \(names.map { quoted($0) }.joined(separator: ", "))"))
        }
        for id in try Int64.fetchAll(db, sql: "SELECT id FROM environment") {
            guard (try? EnvironmentTable.check(db, row: id)) == nil else { continue }
            try db.execute(sql: "DELETE FROM environment WHERE id = ?", arguments: [id])
            losses.append(.init("what is known of the machine of some versions and runs"))
        }
    }

    /// Removes rows that name missing ones, or what they say of these.
    private func removeDangling(_ db: Database) throws {
        let tables = try String.fetchAll(
            db,
            sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")
        var isChanged = true
        while isChanged {
            isChanged = false
            for table in tables {
                for key in try Row.fetchAll(
                    db, sql: "SELECT * FROM pragma_foreign_key_list(?)", arguments: [table])
                {
                    let (column, parent, target): (String, String, String?) = (
                        key["from"], key["table"], key["to"]
                    )
                    let condition = """
                        "\(column)" IS NOT NULL AND NOT EXISTS (
                          SELECT 1 FROM "\(parent)" AS parent WHERE parent."\(target ?? "id")" = "\(table)"."\(column)")
                        """
                    let isOptional = try Bool.fetchOne(
                        db, sql: "SELECT \"notnull\" = 0 AND pk = 0 FROM pragma_table_info(?) WHERE name = ?",
                        arguments: [table, column])
                    if isOptional == true {
                        try db.execute(
                            sql: "UPDATE OR IGNORE \"\(table)\" SET \"\(column)\" = NULL WHERE \(condition)")
                        isChanged = isChanged || db.changesCount > 0
                    }
                    // Where it cannot be NULL, by itself or beside others.
                    try db.execute(sql: "DELETE FROM \"\(table)\" WHERE \(condition)")
                    isChanged = isChanged || db.changesCount > 0
                }
            }
        }
    }
}
