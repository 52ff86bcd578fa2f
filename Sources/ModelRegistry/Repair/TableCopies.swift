import ChunkStore
import GRDB

/// What a table and its indexes say, each for itself.
///
/// An index holds some columns of every row a second time. The table is read without any index here, and an index without
/// the table.
struct TableCopies {
    /// An index, and the columns that it holds copies of.
    struct Index {
        let name: String
        let columns: [String]
        /// What a row must fulfil to be in the index, in SQL.
        let condition: String
    }

    /// Where the rows of an index and of the table are not the same.
    struct Difference {
        /// What the index has and the table has not, by the keys of the table's rows.
        var inIndex: [[DatabaseValue]: [String: DatabaseValue]] = [:]
        /// Keys of rows of the table that the index does not have as they are.
        var inTable: Set<[DatabaseValue]> = []
    }

    let table: String
    /// Columns that tell the table's rows apart.
    let key: [String]
    let indexes: [Index]
    /// The table without its indexes, as it stands in SQL after FROM.
    private let itself: String

    /// Reads the schema of a table.
    init(_ table: String, _ db: Database) throws {
        self.table = table
        let columns = try Row.fetchAll(
            db, sql: "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY pk", arguments: [table])
        let hasRowIDs = try Bool.fetchOne(
            db, sql: "SELECT wr = 0 FROM pragma_table_list WHERE schema = 'main' AND name = ?",
            arguments: [table])
        itself = try TableCopies.itself(table, db)
        key = hasRowIDs == true ? ["rowid"] : columns.filter { $0["pk"] > 0 }.map { $0["name"] }
        indexes = try Row.fetchAll(
            db,
            sql: """
                SELECT list.name, main.sql FROM pragma_index_list(?1) AS list
                LEFT JOIN sqlite_master AS main ON main.type = 'index' AND main.name = list.name
                WHERE NOT (?2 AND list.origin = 'pk') ORDER BY list.name
                """,
            arguments: [table, hasRowIDs != true]
        ).map { row in
            let name: String = row["name"]
            let sql: String = row["sql"] ?? ""
            let parts = sql.split(separator: ") WHERE ", maxSplits: 1)
            return Index(
                name: name,
                // Without expressions: what they are made of, other indexes hold.
                columns: try String.fetchAll(
                    db, sql: "SELECT name FROM pragma_index_info(?) WHERE cid >= 0 ORDER BY seqno",
                    arguments: [name]),
                condition: parts.count == 2 ? String(parts[1]) : "TRUE")
        }
    }

    /// Compares the table with one of its indexes.
    ///
    /// - Throws: `DatabaseError` where one of them cannot be walked through.
    /// - Complexity: O(rows), in memory or a temporary file of SQLite's.
    func difference(_ index: Index, _ db: Database) throws -> Difference {
        let columns = (key + index.columns).map(TableCopies.name).joined(separator: ", ")
        let fromTable = "SELECT \(columns) FROM \(itself) WHERE \(index.condition)"
        let fromIndex = """
            SELECT \(columns) FROM \(TableCopies.name(table)) INDEXED BY \(TableCopies.name(index.name))
            WHERE \(index.condition)
            """
        var difference = Difference()
        for row in try Row.fetchAll(db, sql: "\(fromIndex) EXCEPT \(fromTable)") {
            let values = Array(row.databaseValues)
            difference.inIndex[Array(values.prefix(key.count))] = Dictionary(
                zip(index.columns, values.dropFirst(key.count))
            ) { first, _ in first }
        }
        for row in try Row.fetchAll(db, sql: "\(fromTable) EXCEPT \(fromIndex)") {
            difference.inTable.insert(Array(row.databaseValues.prefix(key.count)))
        }
        return difference
    }

    /// Reads all of the table.
    ///
    /// - Throws: `DatabaseError` where it cannot be walked through.
    func read(_ db: Database) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM \(itself)")
        while try rows.next() != nil {}
    }

    /// A row of the table; `nil` where there is none.
    func row(_ key: [DatabaseValue], _ db: Database) throws -> Row? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM \(itself) WHERE \(condition)",
            arguments: StatementArguments(key))
    }

    /// Changes columns of a row.
    func update(_ key: [DatabaseValue], _ values: [String: DatabaseValue], _ db: Database) throws {
        let changes = values.sorted { $0.key < $1.key }
        let list = changes.map { "\(TableCopies.name($0.key)) = ?" }.joined(separator: ", ")
        try db.execute(
            sql: "UPDATE \(TableCopies.name(table)) SET \(list) WHERE \(condition)",
            arguments: StatementArguments(changes.map(\.value) + key))
    }

    private var condition: String { key.map { "\(TableCopies.name($0)) = ?" }.joined(separator: " AND ") }

    /// A table without its indexes, as it stands in SQL after FROM. `NOT INDEXED` does not keep SQLite from the indexes of a
    /// table without row ids, and naming its primary key does.
    static func itself(_ table: String, _ db: Database) throws -> String {
        let key = try String.fetchOne(
            db,
            sql: """
                SELECT list.name FROM pragma_index_list(?1) AS list, pragma_table_list AS tables
                WHERE list.origin = 'pk' AND tables.schema = 'main' AND tables.name = ?1 AND tables.wr
                """, arguments: [table])
        return "\(name(table)) " + (key.map { "INDEXED BY \(name($0))" } ?? "NOT INDEXED")
    }

    /// A name as SQL takes it.
    static func name(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }

    /// What SQLite finds wrong with a table and its indexes, each problem once.
    static func problems(_ table: String, _ db: Database) throws -> Set<String> {
        try problems(db, "PRAGMA integrity_check(\(name(table)))")
    }

    /// What it finds wrong with the whole file.
    ///
    /// - Complexity: O(bytes of the file).
    static func allProblems(_ db: Database) throws -> Set<String> {
        try problems(db, "PRAGMA integrity_check(1000000)")
    }

    private static func problems(_ db: Database, _ sql: String) throws -> Set<String> {
        let texts = try String.fetchAll(db, sql: sql)
        return Set(texts.flatMap { $0.split(separator: "\n").map(String.init) }).subtracting(["ok"])
    }
}
