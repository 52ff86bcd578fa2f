import Checkpoints
import ChunkStore
import GRDB

/// Rows of `path`: names of leaves, each once.
enum PathTable {
    /// The row of a name, inserted where there is none.
    static func findOrInsert(_ path: CheckpointPath, _ db: Database) throws -> Int64 {
        if let row = try db.row(in: "path", where: "text", is: path.text) { return row }
        try db.cachedStatement(sql: "INSERT INTO path (text) VALUES (?)").execute(arguments: [path.text])
        return db.lastInsertedRowID
    }
}
