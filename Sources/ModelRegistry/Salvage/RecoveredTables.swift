import Foundations
import GRDB
import SQLitePages

/// The tables of a registry as they are to be found in a damaged file.
struct RecoveredTables {
    /// A table, or an index that holds a second copy of one.
    struct Source {
        let name: String
        let shape: TreeShape
    }

    /// Tables, those that rows name before those that name them.
    private(set) var tables: [Source] = []
    /// Indexes that hold all columns of a table, but such as have defaults.
    private(set) var copies: [Source] = []
    /// The other indexes: their pages are not to be taken for a table's.
    private(set) var others: [Source] = []

    /// Tables that a new registry fills by itself, or that mean nothing without the processes of that time.
    private static let leftOut: Set<String> = [
        "grdb_migrations", "sqlite_sequence", "sqlite_schema", "unfinished_write", "packing_choice",
    ]

    /// Reads the schema of a new registry.
    init(_ db: Database) throws {
        var shapes: [String: Source] = [:]
        var parents: [String: Set<String>] = [:]
        let list = try Row.fetchAll(db, sql: "PRAGMA main.table_list")
        for row in list where row["type"] == "table" {
            let name: String = row["name"]
            guard !RecoveredTables.leftOut.contains(name) else { continue }
            let columns = try TableColumn.all(db, name)
            shapes[name] = Source(
                name: name, shape: TreeShape(table: name, columns: columns, hasRowIDs: row["wr"] == 0))
            parents[name] = try Set(
                String.fetchAll(db, sql: "SELECT \"table\" FROM pragma_foreign_key_list(?)", arguments: [name]))
            // The primary key of a table without row ids is the table.
            let indexes = try String.fetchAll(
                db, sql: "SELECT name FROM pragma_index_list(?) WHERE NOT (? AND origin = 'pk')",
                arguments: [name, row["wr"] == 1])
            for index in indexes { try addIndex(index, of: name, columns, db) }
        }
        // Parents first; a table may name itself.
        var rest = shapes.keys.sorted()
        while let next = rest.first(where: { name in
            parents[name, default: []].allSatisfy { $0 == name || !rest.contains($0) }
        }) {
            rest.removeAll { $0 == next }
            tables += [shapes[next]].compactMap { $0 }
        }
        precondition(rest.isEmpty, "tables name each other in a circle: \(rest)")
    }

    private mutating func addIndex(
        _ index: String, of table: String, _ columns: [TableColumn], _ db: Database
    ) throws {
        let rows = try Row.fetchAll(
            db, sql: "SELECT cid, name FROM pragma_index_xinfo(?) ORDER BY seqno", arguments: [index])
        let alias = columns.first { $0.isRowID }
        let found = rows.map { row -> TableColumn? in
            // -1: the row's number. -2: an expression, which has no name.
            let name: String? = row["cid"] == -1 ? alias?.name : row["name"]
            return columns.first { $0.name == name }
        }
        let known = found.compactMap { $0 }
        let shape = TreeShape(
            table: table,
            columns: zip(rows, found).map { row, column in
                // An expression may be of any type.
                TreeShape.Column(
                    name: column?.name ?? "", type: column?.type ?? "ANY",
                    isOptional: column.map { !$0.isRequired && !$0.isRowID } ?? true)
            }, rowIDColumn: nil, isIndex: true)
        let isComplete =
            known.count == found.count
            && columns.allSatisfy { column in column.hasDefault || known.contains { $0.name == column.name } }
        if isComplete {
            copies.append(Source(name: index, shape: shape))
        } else {
            others.append(Source(name: index, shape: shape))
        }
    }
}

/// A column of a table.
private struct TableColumn: Equatable {
    let name: String
    let type: String
    let isRequired: Bool
    let hasDefault: Bool
    /// Its place in the primary key, from 1; 0: it is not in it.
    let keyPlace: Int
    /// Whether the column is an alias of the row id.
    var isRowID = false

    static func all(_ db: Database, _ table: String) throws -> [TableColumn] {
        var columns = try Row.fetchAll(
            db, sql: "SELECT * FROM pragma_table_xinfo(?) ORDER BY cid", arguments: [table]
        ).map { row in
            TableColumn(
                name: row["name"], type: row["type"], isRequired: row["notnull"] == 1 || row["pk"] > 0,
                hasDefault: row["dflt_value"] != nil, keyPlace: row["pk"])
        }
        let key = columns.indices.filter { columns[$0].keyPlace > 0 }
        if key.count == 1, columns[key[0]].type == "INTEGER" { columns[key[0]].isRowID = true }
        return columns
    }

    /// The columns in the order of the records of a table without row ids: the key comes first.
    static func stored(_ columns: [TableColumn]) -> [TableColumn] {
        columns.filter { $0.keyPlace > 0 }.sorted { $0.keyPlace < $1.keyPlace }
            + columns.filter { $0.keyPlace == 0 }
    }
}

extension TreeShape {
    fileprivate init(table: String, columns: [TableColumn], hasRowIDs: Bool) {
        let stored = hasRowIDs ? columns : TableColumn.stored(columns)
        self.init(
            table: table,
            columns: stored.map { column in
                Column(name: column.name, type: column.type, isOptional: !column.isRequired)
            },
            rowIDColumn: hasRowIDs ? stored.firstIndex { $0.isRowID } : nil, isIndex: !hasRowIDs)
    }
}
