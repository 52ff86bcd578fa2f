import ChunkStore
import Foundation
package import Foundations
import GRDB

/// What SQL has found.
package struct SQLTable: Sendable {
    /// A value of a row.
    package enum Value: Hashable, Sendable {
        case null
        case integer(Int64)
        case number(Double)
        case text(String)
        case bytes([UInt8])
    }

    /// The names of the columns.
    package let columns: [String]
    /// The rows, in the order of the query.
    package let rows: [[Value]]
}

/// SQL that is no question, or that SQLite does not understand.
package enum SQLQueryError: Error, Equatable {
    /// It is something else than one `SELECT`, `WITH` or `VALUES`.
    case noQuery
    /// What SQLite says.
    case misunderstood(String)
}

extension SQLQueryError: CategorisedError, CustomStringConvertible {
    /// One line, lower case.
    package var description: String {
        switch self {
        case .noQuery: "only one query is possible: SELECT, WITH or VALUES; nothing is changed by SQL"
        case .misunderstood(let message): "SQL: \(printable(message))"
        }
    }

    package var category: ErrorCategory { .usage }
}

extension Registry {
    /// Asks the registry in SQL, by a connection of its own: no other one of this process is needed to look inside.
    ///
    /// - Throws: ``SQLQueryError`` for what is no query; ``RegistryError``.
    package func rows(of query: String) throws -> SQLTable {
        guard !query.utf8.contains(0) else { throw SQLQueryError.noQuery }
        return try read { db in
            do {
                let statement = try db.makeStatement(sql: query)
                let verbs = ["SELECT", "WITH", "VALUES"]
                let text = statement.sql.uppercased()
                guard statement.columnCount > 0, statement.isReadonly, verbs.contains(where: text.hasPrefix)
                else { throw SQLQueryError.noQuery }
                var rows: [[SQLTable.Value]] = []
                let cursor = try Row.fetchCursor(statement)
                while let row = try cursor.next() {
                    rows.append(row.databaseValues.map(SQLTable.Value.init))
                }
                return SQLTable(columns: statement.columnNames, rows: rows)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
                throw SQLQueryError.misunderstood(error.message ?? "an error")
            } catch let error as DatabaseError
                where [.SQLITE_MISUSE, .SQLITE_READONLY, .SQLITE_AUTH].contains(error.resultCode)
            {
                throw SQLQueryError.noQuery
            }
        }
    }
}

extension SQLTable.Value {
    fileprivate init(_ value: DatabaseValue) {
        self =
            switch value.storage {
            case .null: .null
            case .int64(let number): .integer(number)
            case .double(let number): .number(number)
            case .string(let text): .text(text)
            case .blob(let data): .bytes([UInt8](data))
            }
    }
}
