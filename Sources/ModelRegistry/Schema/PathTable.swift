import Checkpoints
import GRDB

/// Rows of `path`: names of leaves, each once.
enum PathTable {
    /// The row of a name, inserted where there is none.
    static func findOrInsert(_ path: CheckpointPath, _ db: Database) throws -> Int64 {
        let find = try db.cachedStatement(sql: "SELECT id FROM path WHERE text = ?")
        if let row = try Int64.fetchOne(find, arguments: [path.text]) { return row }
        try db.cachedStatement(sql: "INSERT INTO path (text) VALUES (?)").execute(arguments: [path.text])
        return db.lastInsertedRowID
    }
}
