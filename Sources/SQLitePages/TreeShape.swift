/// What the rows of a table or index look like, so that pages can be told from each other where nothing else does.
package struct TreeShape: Hashable, Sendable {
    /// A column, in the order of the record.
    package struct Column: Hashable, Sendable {
        package let name: String
        /// As it is declared: `INTEGER`, `REAL`, `TEXT`, `BLOB` or `ANY`.
        package let type: String
        /// Whether it may be NULL.
        package let isOptional: Bool

        package init(name: String, type: String, isOptional: Bool) {
            self.name = name
            self.type = type
            self.isOptional = isOptional
        }
    }

    /// The table, or the one that the index is of.
    package let table: String
    package let columns: [Column]
    /// The column that is the row's number and is NULL in the record; `nil` where there is none.
    package let rowIDColumn: Int?
    /// Whether pages are those of an index: also where a table has no row ids.
    package let isIndex: Bool

    package init(table: String, columns: [Column], rowIDColumn: Int?, isIndex: Bool) {
        self.table = table
        self.columns = columns
        self.rowIDColumn = rowIDColumn
        self.isIndex = isIndex
    }

    /// Whether a record may be a row.
    func fits(_ kinds: [Record.Kind]) -> Bool {
        kinds.count == columns.count
            && kinds.indices.allSatisfy { index in
                index == rowIDColumn ? kinds[index] == .null : columns[index].fits(kinds[index])
            }
    }

    /// The values of a row, in the order of ``columns``, by its record.
    func row(_ record: [SQLiteValue], rowID: Int64?) -> [SQLiteValue] {
        guard let rowIDColumn, let rowID else { return record }
        var values = record
        values[rowIDColumn] = .integer(rowID)
        return values
    }
}

extension TreeShape.Column {
    fileprivate func fits(_ kind: Record.Kind) -> Bool {
        switch kind {
        case .null: isOptional
        // SQLite writes a number without a fraction as an integer.
        case .integer: ["INTEGER", "REAL", "ANY"].contains(type)
        case .real: ["REAL", "ANY"].contains(type)
        case .text: ["TEXT", "ANY"].contains(type)
        case .blob: ["BLOB", "ANY"].contains(type)
        }
    }
}
