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

    /// The rows of the names that a version has: most of them are those of the next one.
    static func rows(ofVersion version: Int64, _ db: Database) throws -> KnownPaths {
        let cursor = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT path.text, path.id FROM parameter JOIN path ON path.id = parameter.path WHERE version = ?
                    """), arguments: [version])
        var known = KnownPaths()
        while let row = try cursor.next() { known.insert(row[0], row: row[1]) }
        return known
    }
}

/// Rows of names, byte for byte: Swift's texts are equal where they only look the same.
struct KnownPaths {
    private var rows: [String: (text: String, row: Int64)] = [:]

    mutating func insert(_ text: String, row: Int64) { rows[text] = (text, row) }

    /// The row of a name, inserted where there is none.
    func findOrInsert(_ path: CheckpointPath, _ db: Database) throws -> Int64 {
        let text = path.text
        if let known = rows[text], known.text.utf8.elementsEqual(text.utf8) { return known.row }
        return try PathTable.findOrInsert(path, db)
    }
}
