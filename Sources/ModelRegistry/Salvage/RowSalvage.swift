import ChunkStore
import Foundations
import GRDB
import SQLitePages

/// Brings the rows that a damaged file still has into a new registry, without asking whether they make sense.
struct RowSalvage {
    /// What could not be read.
    struct Losses: Hashable {
        var damagedPageCount = 0
        var damagedRowCount = 0
        /// Rows that an index had a second copy of.
        var restoredRowCount = 0
    }

    private let tables: RecoveredTables
    private let recovery: RowRecovery
    private let roots: [String: Int]

    /// Looks at the file at `path`.
    ///
    /// - Parameter new: A new registry: where the file does not tell where a table begins, it is taken to be there.
    init(_ path: String, new: Registry) throws {
        let (tables, ownRoots) = try new.read { db in (try RecoveredTables(db), try RowSalvage.roots(db)) }
        self.tables = tables
        recovery = RowRecovery(
            try PageFile(
                path: path,
                expecting: PageFile.Layout(pageByteCount: ChunkStore.pageByteCount, hasPointerMap: true)))
        roots = ownRoots.merging(recovery.roots()) { _, found in found }
    }

    private static func roots(_ db: Database) throws -> [String: Int] {
        let rows = try Row.fetchAll(db, sql: "SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0")
        return Dictionary(rows.map { ($0["name"], $0["rootpage"]) }) { first, _ in first }
    }

    /// Inserts what can be found, with foreign keys switched off where it is certain whose rows they are.
    ///
    /// - Complexity: O(pages).
    func insert(into registry: Registry) throws -> Losses {
        try translatingErrors {
            try registry.store.withWriter { db in
                // What is written here is worth nothing before it is whole; then it is synced.
                try db.execute(sql: "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")
                var losses = Losses()
                try db.inTransaction {
                    try insertCertain(db, &losses)
                    return .commit
                }
                // A row that only looks right must name rows that are there.
                try db.execute(sql: "PRAGMA foreign_keys = ON")
                try db.inTransaction {
                    for table in tables.tables {
                        let insert = try Insertion(table.shape, db)
                        _ = try recovery.forEachLikelyRow(of: table.shape) { _ = try insert($0) }
                    }
                    return .commit
                }
                return losses
            }
        }
    }

    private func insertCertain(_ db: Database, _ losses: inout Losses) throws {
        let insertions = try tables.tables.map { try Insertion($0.shape, db) }
        var refusedCounts = Array(repeating: 0, count: insertions.count)
        let outcomes = try recovery.forEachRow(of: trees(tables.tables)) { table, row in
            if try !insertions[table](row) { refusedCounts[table] += 1 }
        }
        losses.damagedPageCount += outcomes.reduce(0) { $0 + $1.damagedPageCount }
        losses.damagedRowCount += outcomes.reduce(0) { $0 + $1.damagedRowCount } + refusedCounts.reduce(0, +)
        var wholeRowCounts: [String: Int] = [:]
        for (index, table) in tables.tables.enumerated()
        where outcomes[index].isWhole && refusedCounts[index] == 0 {
            wholeRowCounts[table.name] = outcomes[index].rowCount
        }
        // A copy counts where its table is damaged, or has fewer rows. Otherwise a wrong bit in the copy would make a row
        // that never was.
        for copy in tables.copies {
            var insertedCount = 0
            try db.inSavepoint {
                let insert = try Insertion(copy.shape, db)
                let outcome = try recovery.forEachRow(of: trees([copy])) { _, row in
                    if try insert(row) { insertedCount += 1 }
                }
                guard wholeRowCounts[copy.shape.table].map({ $0 < outcome[0].rowCount }) != false else {
                    insertedCount = 0
                    return .rollback
                }
                return .commit
            }
            losses.restoredRowCount += insertedCount
        }
        _ = recovery.forEachRow(of: trees(tables.others)) { _, _ in }
    }

    private func trees(_ sources: [RecoveredTables.Source]) -> [RowRecovery.Tree] {
        sources.map { RowRecovery.Tree(shape: $0.shape, root: roots[$0.name] ?? 0) }
    }
}

/// Inserts rows of a table that are possible and that it does not have yet.
private struct Insertion {
    private let db: Database
    private let statement: Statement

    init(_ shape: TreeShape, _ db: Database) throws {
        self.db = db
        let columns = shape.columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
        let places = shape.columns.map { _ in "?" }.joined(separator: ", ")
        statement = try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO \"\(shape.table)\" (\(columns)) VALUES (\(places))")
    }

    /// - Returns: Whether the row was inserted.
    func callAsFunction(_ row: [SQLiteValue]) throws -> Bool {
        do {
            try statement.execute(arguments: StatementArguments(row.map(\.databaseValue)))
            return db.changesCount > 0
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            // Foreign keys, which cannot be ignored.
            return false
        }
    }
}

extension SQLiteValue {
    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let value): value.databaseValue
        case .real(let value): value.databaseValue
        // Damaged text is better than none; what has a hash does not match it.
        case .text(let bytes): String(decoding: bytes, as: UTF8.self).databaseValue
        case .blob(let bytes): bytes.data.databaseValue
        }
    }
}
