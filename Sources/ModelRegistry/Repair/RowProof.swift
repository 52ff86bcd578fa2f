import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// Tells by content ids whether a row says what it should. A row is found by its key, and never by an index.
struct RowProof {
    private let registry: Registry

    init(_ registry: Registry) { self.registry = registry }

    /// The columns that content ids vouch for.
    private static let columns: [String: Set<String>] = [
        "chunk": ["content_id", "base", "pack"], "tensor": ["content_id"], "tensor_chunk": ["chunk"],
        "structure": ["content_id"], "environment": ["content_id"], "attachment_content": ["content_id"],
        "version": ["content_id", "structure", "kind", "tensor_count", "byte_count"],
        "parameter": ["tensor", "path"], "model": ["next_number"], "path": ["text"],
    ]

    /// Whether ``isProven(_:_:_:)`` depends on all of the columns.
    static func vouches(for columns: some Collection<String>, of table: String) -> Bool {
        columns.allSatisfy { RowProof.columns[table]?.contains($0) == true }
    }

    /// Tables whose rows say nothing that anybody needs unless another row names them.
    static let sharedTables: Set<String> = [
        "chunk", "tensor", "structure", "environment", "attachment_content", "path",
    ]

    /// Whether a row is what content ids say.
    func isProven(_ table: String, _ row: Row, _ db: Database) throws -> Bool {
        do {
            return try locatingDamage { try check(table, row, db) }
        } catch RegistryError.damaged {
            return false
        }
    }

    private func check(_ table: String, _ row: Row, _ db: Database) throws -> Bool {
        switch table {
        case "chunk":
            var finder = try ChunkFinder(db)
            guard let chunk = try finder.chunk(row.value("id", as: Int64.self)) else { return false }
            return try ChunkInspection.isWhole(chunk, db)
        case "tensor": return try isTensor(row.value("id"), db)
        case "tensor_chunk": return try isTensor(row.value("tensor"), db)
        case "structure":
            return ContentID(hashing: Array(try row.value("json", as: String.self).utf8))
                == (try row.contentID("content_id"))
        case "environment": try EnvironmentTable.check(db, row: row.value("id"))
        case "attachment_content": _ = try AttachmentTable.Content(db, row: row.value("id"))
        case "version":
            let content = try content(row.value("id"), db)
            return DerivedColumns.differences(content).isEmpty
        case "parameter":
            let content = try content(row.value("version"), db)
            let ordinal: Int = try row.value("ordinal")
            let text = try String.fetchOne(
                db, sql: "SELECT text FROM path NOT INDEXED WHERE id = ?",
                arguments: [try row.value("path", as: Int64.self)])
            return content.leaves.indices.contains(ordinal) && text == content.leaves[ordinal].path.text
        case "model":
            let last = try DerivedColumns.lastNumber(of: row.value("id"), row.value("name"), db)
            return try row.value("next_number") > last
        case "path": return try isPath(row, db)
        default: return false
        }
        return true
    }

    /// Whether a version's rows match its content id, or there is no such version.
    func isVersionProvenOrGone(_ id: Int64, _ db: Database) throws -> Bool {
        let find = "SELECT 1 FROM version NOT INDEXED WHERE id = ?"
        guard try Bool.fetchOne(db, sql: find, arguments: [id]) == true else { return true }
        do {
            _ = try locatingDamage { try content(id, db) }
            return true
        } catch RegistryError.damaged {
            return false
        }
    }

    /// Whether a tensor's chunks match its content id, or there is no such tensor.
    func isTensorProvenOrGone(_ id: Int64, _ db: Database) throws -> Bool {
        let find = "SELECT 1 FROM tensor NOT INDEXED WHERE id = ?"
        guard try Bool.fetchOne(db, sql: find, arguments: [id]) == true else { return true }
        do {
            return try locatingDamage { try isTensor(id, db) }
        } catch RegistryError.damaged {
            return false
        }
    }

    private func isTensor(_ id: Int64, _ db: Database) throws -> Bool {
        guard let tensor = try TensorTable.tensor(id, db) else { return false }
        var finder = try ChunkFinder(db)
        _ = try TensorChunkTable.chunks(of: tensor, &finder, db)
        return true
    }

    private func content(_ version: Int64, _ db: Database) throws -> VersionContent {
        try VersionContent(db, VersionTable.version(db, rowID: version))
    }

    /// Whether some leaf that has the name should be called so.
    private func isPath(_ row: Row, _ db: Database) throws -> Bool {
        let leaf = try Row.fetchOne(
            db,
            sql: """
                SELECT version, ordinal FROM \(TableCopies.itself("parameter", db)) WHERE path = ? LIMIT 1
                """,
            arguments: [try row.value("id", as: Int64.self)])
        guard let leaf else { return false }
        let leaves = try content(leaf.value("version"), db).leaves
        let ordinal: Int = try leaf.value("ordinal")
        return try leaves.indices.contains(ordinal) && leaves[ordinal].path.text == row.value("text")
    }
}
