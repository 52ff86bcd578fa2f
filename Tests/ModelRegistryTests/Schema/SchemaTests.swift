import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import Tensors
import TestSupport
import Testing

struct SchemaTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    private func tables() throws -> [(name: String, sql: String)] {
        try registry.store.read { db in
            try Row.fetchAll(
                db,
                sql:
                    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'grdb_migrations'"
            ).map { ($0["name"], $0["sql"]) }
        }
    }

    @Test func everyTableIsStrict() throws {
        let tables = try tables()
        #expect(tables.count > 10)
        for (name, sql) in tables { #expect(sql.suffix(30).contains("STRICT"), "\(name)") }
    }

    /// A column's line in `.schema` ends in a comment, or the next line is one.
    @Test func everyTableAndColumnHasAComment() throws {
        for (name, sql) in try tables() {
            let lines = sql.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            #expect(lines[1].hasPrefix("-- "), "\(name)")
            let columns = try registry.store.read { try $0.columns(in: name) }.map(\.name)
            for column in columns {
                let index = try #require(
                    lines.firstIndex { $0.hasPrefix(column + " ") }, "\(name).\(column)")
                let following = lines[(index + 1)...].prefix(2)
                #expect(
                    lines[index].contains("-- ")
                        || following.contains { $0.contains("-- ") && !$0.contains(" NOT NULL ") },
                    "\(name).\(column)")
            }
        }
    }

    @Test func migrationsInTheBinaryAreTheFiles() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../../migrations")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            $0.hasSuffix(".sql")
        }.sorted()
        #expect(embeddedMigrations.map { $0.identifier + ".sql" } == files)
        for (migration, file) in zip(embeddedMigrations, files) {
            #expect(
                try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8).trimmingCharacters(
                    in: .newlines) == migration.sql.trimmingCharacters(in: .newlines))
        }
        let applied = try registry.store.read {
            try String.fetchAll($0, sql: "SELECT identifier FROM grdb_migrations")
        }
        #expect(applied == embeddedMigrations.map(\.identifier))
    }

    /// What holds a row's id from one transaction to the next never finds another row under it.
    @Test(arguments: ["run", "version", "tensor", "pack", "chunk", "note", "event"])
    func idsAreNeverUsedAgain(table: String) throws {
        let sql = try #require(try tables().first { $0.name == table }).sql
        #expect(sql.contains("INTEGER PRIMARY KEY AUTOINCREMENT"))
    }

    @Test func aVersionsRowIDIsNotUsedAgainAfterGarbageCollection() throws {
        try registry.save(["w": Tensor([Float(1)])], as: "m", message: "")
        let before = try registry.fetch(Int.self, "SELECT max(id) FROM chunk")
        try registry.delete("m:v1")
        try registry.collectGarbage()
        #expect(try registry.count("chunk") == 0 && registry.count("version") == 0)
        try registry.save(["w": Tensor([Float(2)])], as: "m", message: "")
        #expect(try registry.fetch(Int.self, "SELECT id FROM chunk") > before)
        #expect(try registry.fetch(Int.self, "SELECT id FROM version") == 2)
    }

    @Test func theFileIsMarkedAndItsConnectionGuarded() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("models.db")
        let registry = try Registry(path: path)
        #expect(try registry.fetch(Int.self, "PRAGMA application_id") == 0x4D52_6547)
        #expect(try registry.fetch(Int.self, "PRAGMA page_size") == 16384)
        #expect(try registry.fetch(Int.self, "PRAGMA foreign_keys") == 1)
        #expect(try registry.fetch(String.self, "PRAGMA journal_mode") == "delete")
        #expect(try registry.fetch(Int.self, "PRAGMA synchronous") == 3)
        #expect(try registry.fetch(Int.self, "PRAGMA trusted_schema") == 0)
        #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))[68..<72] == Array("MReG".utf8)[...])
        // Defensive: the schema cannot be written as a table.
        #expect(throws: StoreError.self) {
            try registry.store.withWriter { db in
                try db.execute(
                    sql: "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = '' WHERE name = 'pack'")
            }
        }
    }

    @Test func anEmptyRegistryIsSmall() throws {
        let folder = try TemporaryFolder()
        _ = try Registry(path: folder.file("models.db"))
        let size = try FileManager.default.attributesOfItem(atPath: folder.file("models.db"))[.size] as? Int
        #expect((size ?? .max) <= 5 << 18)
    }

    @Test func plainSQLSaysWhichVersionsShareATensor() throws {
        let shared = Tensor([Float(1), 2])
        try registry.save(["w": shared, "b": Tensor([Float(3)])], as: "a", message: "")
        try registry.save(["x": shared.copied()], as: "b", message: "")
        try registry.save(["w": Tensor([Float(9)])], as: "a", message: "")
        let found = try registry.store.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT other.model || ':v' || other.number || ' ' || other.path
                    FROM parameter_state AS this JOIN parameter_state AS other USING (content_id)
                    WHERE this.model = 'a' AND this.number = 1 AND this.path = 'w' ORDER BY 1
                    """)
        }
        #expect(found == ["a:v1 w", "b:v1 x"])
    }

    @Test func everyLookUpUsesAnIndex() throws {
        for (table, column) in [
            ("parameter", "tensor"), ("parameter", "path"), ("tensor_chunk", "chunk"), ("chunk", "content_id"),
            ("chunk", "base"), ("chunk", "pack"), ("tensor", "content_id"), ("alias", "version"),
            ("version", "parent"),
            ("version", "structure"), ("attachment", "content"), ("version", "run"), ("version", "environment"),
            ("run_attachment", "content"),
            ("note", "run"), ("note", "version"), ("lineage", "ancestor"),
        ] {
            let plan = try registry.store.read { db in
                try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN SELECT 1 FROM \(table) WHERE \(column) = 1")
                    .map { $0["detail"] as String }
            }
            #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(table).\(column): \(plan)")
        }
    }
}
