package import GRDB

extension Database {
    /// The row of a table in which a unique column holds `value`; `nil` where there is none.
    ///
    /// The index finds it, and the table is asked whether it is the right one: a damaged index is an error, not another row.
    ///
    /// - Throws: ``StoreDamage``.
    package func row(
        in table: String, where column: String, is value: some DatabaseValueConvertible
    ) throws -> Int64? {
        let find = try cachedStatement(
            sql: """
                SELECT found.id, found.\(column) = ?1 AS is_right FROM \(table) AS indexed
                JOIN \(table) AS found ON found.id = indexed.id WHERE indexed.\(column) = ?1
                """)
        guard let row = try Row.fetchOne(find, arguments: [value]) else { return nil }
        guard row["is_right"] == true else {
            throw StoreDamage(problem: "the index of \"\(table).\(column)\" does not match its table")
        }
        return row["id"]
    }
}
