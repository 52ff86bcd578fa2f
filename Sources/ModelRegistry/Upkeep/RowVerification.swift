import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// Compares rows with each other: tables with their indexes, and the rows of each version with its content id, down to the
/// ids of its chunks. No chunk is read.
///
/// What deletes does this first, in the same call: one wrong bit in an index would make what is needed look like garbage.
final class RowVerification {
    private let registry: Registry
    /// What is wrong.
    private(set) var problems: [RegistryError.Damage] = []
    private(set) var versionCount = 0
    private(set) var thinnedCount = 0
    /// The tensors of the versions, and which leaf needs each first.
    private(set) var tensors: [TensorRow: Use] = [:]
    /// The leaves that are views of them.
    private(set) var views: [TensorRow: [View]] = [:]

    /// Whether to check, too, what nothing else hangs on: recipes, attachments, environments, and rows that name missing
    /// ones.
    private let checksAll: Bool

    /// A leaf, for messages.
    struct Use {
        let version: Version
        let path: CheckpointPath
    }

    /// A leaf that is a view, and its own content id.
    struct View {
        let view: SavePlan.View
        let id: ContentID
        let use: Use
    }

    init(_ registry: Registry, checksAll: Bool = true) {
        self.registry = registry
        self.checksAll = checksAll
    }

    /// Checks the database, and the rows of all versions that are not deleted.
    ///
    /// - Complexity: O(rows), in short transactions.
    func check() throws {
        try checkDatabase()
        let versions = try registry.read { db in
            try VersionTable.fetch(db, where: "version.deleted_at IS NULL", arguments: [])
        }
        for version in versions {
            try Task.checkCancellation()
            try check(version)
        }
        if checksAll { try checkShared() }
    }

    /// What is wrong with the schema.
    static func schemaProblems(_ registry: Registry) throws -> [RegistryError.Damage] {
        let verification = RowVerification(registry)
        try verification.checkSchema()
        return verification.problems
    }

    /// Checks what versions and runs share, and has a hash of its own.
    private func checkShared() throws {
        for attachment in try registry.read({ try Int64.fetchAll($0, sql: "SELECT id FROM attachment_content") }
        ) {
            try registry.read { db in
                // One that nothing names any more may go meanwhile.
                let find = "SELECT 1 FROM attachment_content WHERE id = ?"
                guard try Bool.fetchOne(db, sql: find, arguments: [attachment]) == true else { return }
                try noting { _ = try AttachmentTable.Content(db, row: attachment) }
            }
        }
        try registry.read { db in
            problems += try DerivedColumns.problems(db)
            for environment in try Int64.fetchAll(db, sql: "SELECT id FROM environment") {
                try noting { try EnvironmentTable.check(db, row: environment) }
            }
        }
    }

    private func noting(_ body: () throws -> Void) throws {
        do {
            try locatingDamage(body)
        } catch RegistryError.damaged(let damage) {
            problems.append(damage)
        }
    }

    /// Checks tables and indexes, one at a time. The bytes of packs are checked with the chunks in them.
    private func checkDatabase() throws {
        try checkSchema()
        try registry.read { db in
            for pack in try Int64.fetchAll(db, sql: "SELECT id FROM pack WHERE byte_count <> length(bytes)") {
                problems.append(
                    RegistryError.Damage(problem: "pack \(pack) does not have the length that its row says"))
            }
        }
        let tables = try registry.read { db in
            try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        }
        for table in tables where table != "pack" {
            try registry.read { db in
                let name = table.replacing("\"", with: "\"\"")
                for text in try String.fetchAll(db, sql: "PRAGMA integrity_check(\"\(name)\")")
                where text != "ok" {
                    try requireReadable(text)
                    problems.append(RegistryError.Damage(problem: text))
                }
                guard checksAll else { return }
                for row in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check(\"\(name)\")") {
                    let parent: String = try row.value("parent")
                    problems.append(
                        RegistryError.Damage(
                            problem: "a row of \"\(table)\" names a missing row of \"\(parent)\""))
                }
            }
        }
    }

    /// A page that the disk does not give back says nothing about what is in it.
    private func requireReadable(_ problem: String) throws {
        guard let match = problem.firstMatch(of: /error code=(\d+)/), let code = Int32(match.output.1) else {
            return
        }
        // What an input or output error has in its last byte, whatever it was about.
        guard code & 0xFF == ResultCode.SQLITE_IOERR.rawValue else { return }
        throw DatabaseError(resultCode: ResultCode(rawValue: code))
    }

    /// Compares the schema with that of a new registry. Tables and indexes that somebody has added do no harm, triggers may.
    private func checkSchema() throws {
        func statements(_ db: Database) throws -> Set<[String?]> {
            let rows = try Row.fetchAll(db, sql: "SELECT type, name, tbl_name, sql FROM sqlite_master")
            return Set(rows.map { row in (0..<4).map { String.fromDatabaseValue(row[$0]) } })
        }
        let expected = try Registry.inMemory().read(statements)
        let found = try registry.read(statements)
        for statement in expected.subtracting(found).union(found.filter { $0[0] == "trigger" }) {
            problems.append(
                RegistryError.Damage(
                    problem: "the schema of \"\(statement[1] ?? "")\" is not that of this version of modelreg"))
        }
    }

    /// Checks the rows of a version, and notes its tensors.
    func check(_ version: Version) throws {
        do {
            try registry.read { db in
                let content = try VersionContent(db, version, checksContentID: false)
                if content.manifest.contentID != version.contentID {
                    problems.append(
                        RegistryError.Damage(
                            version: version.reference, problem: "it does not match its content id"))
                }
                for leaf in content.leaves {
                    guard case .tensor(let row, let view, let id) = leaf.content else { continue }
                    let use = Use(version: version, path: leaf.path)
                    if tensors[row] == nil { tensors[row] = use }
                    if view.placement != nil {
                        views[row, default: []].append(View(view: view, id: id, use: use))
                    }
                }
                guard checksAll else { return }
                let derived = DerivedColumns.differences(content).filter { $0 != "content_id" }
                if !derived.isEmpty {
                    problems.append(
                        RegistryError.Damage(
                            version: version.reference,
                            problem: "\(derived.joined(separator: ", ")) of its row are not what its leaves say"
                        ))
                }
                try locatingDamage(version: version.reference) {
                    try StorageLayout.check(content)
                    guard let source = try SourceFileRow(db, version) else { return }
                    _ = try source.places(try source.recipe(leafCount: content.leaves.count), content)
                }
            }
        } catch RegistryError.damaged(let damage) {
            problems.append(damage)
        } catch RegistryError.deletedMeanwhile {
            return
        }
        versionCount += 1
        if version.droppedTensorCount > 0 { thinnedCount += 1 }
    }

    /// Checks that the rows of the chunks of each tensor are those of its content id.
    ///
    /// - Complexity: O(chunks), some tensors in each transaction.
    private func checkChunkRows() throws {
        var rest = tensors.sorted { $0.key.rowID < $1.key.rowID }[...]
        while !rest.isEmpty {
            try Task.checkCancellation()
            let batch = rest.prefix(RowVerification.tensorsAtOnce)
            rest = rest.dropFirst(batch.count)
            try registry.read { db in
                var finder = try ChunkFinder(db)
                for (tensor, use) in batch {
                    do {
                        try locatingDamage(version: use.version.reference, path: use.path) {
                            _ = try TensorChunkTable.chunks(of: tensor, &finder, db)
                        }
                    } catch RegistryError.damaged(let damage) {
                        guard (try? VersionTable.requirePresent(use.version, db)) != nil else { continue }
                        problems.append(damage)
                    }
                }
            }
        }
    }

    private static let tensorsAtOnce = 1000

    /// Checks all rows that say what is needed, and no more: a version that is damaged otherwise can be deleted, and must
    /// be able to go.
    ///
    /// - Throws: ``RegistryError/damaged(_:)``: nothing may be deleted on their word.
    static func requireSound(_ registry: Registry) throws {
        let verification = RowVerification(registry, checksAll: false)
        try verification.check()
        try verification.checkChunkRows()
        guard let damage = verification.problems.first else { return }
        throw RegistryError.damaged(
            RegistryError.Damage(
                version: damage.version, path: damage.path, chunk: damage.chunk,
                problem: "\(damage.problem); nothing was deleted: see modelreg verify"))
    }
}
