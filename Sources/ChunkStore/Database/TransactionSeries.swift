package import GRDB

/// The transactions of a call that changes many rows: each on its own and short, or, for a rehearsal, all within one.
package struct TransactionSeries {
    private enum Kind {
        case separate(ChunkStore, pause: () throws -> Void)
        case within(Database)
    }

    private let kind: Kind

    /// Transactions of their own.
    ///
    /// - Parameter pause: Called after each that writes: others are to get the lock. What it throws ends the call there.
    package init(_ store: ChunkStore, pause: @escaping () throws -> Void = LockPolicy.pause) {
        kind = .separate(store, pause: pause)
    }

    /// Parts of the transaction that is open.
    package init(within db: Database) { kind = .within(db) }

    /// Rows that one transaction looks at or changes: some ten microseconds each, where its indexes are in no order.
    package static let rowCountAtOnce = 10_000

    package func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        switch kind {
        case .separate(let store, _): try store.read(body)
        case .within(let db): try body(db)
        }
    }

    package func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        switch kind {
        case .separate(let store, let pause):
            let result = try store.write(body)
            try pause()
            return result
        case .within(let db): return try body(db)
        }
    }

    /// Finds rows of a table in the order of their ids, some at a time.
    ///
    /// - Parameters:
    ///   - condition: What a row of `table` must fulfil to be found.
    ///   - body: Called outside of transactions with what was found in some neighbouring rows, where that is anything.
    package func forEachBatch(
        of table: String, where condition: String, rowCount: Int, _ body: ([Int64]) throws -> Void
    ) throws {
        var last = Int64.min
        while true {
            let (found, end) = try read { db in
                let rows = "SELECT id FROM \(table) WHERE id > ? ORDER BY id LIMIT \(rowCount)"
                let end = try Int64.fetchOne(db, sql: "SELECT max(id) FROM (\(rows))", arguments: [last])
                guard let end else { return ([Int64](), nil as Int64?) }
                let find = "SELECT id FROM \(table) WHERE id > ? AND id <= ? AND \(condition) ORDER BY id"
                return (try Int64.fetchAll(db, sql: find, arguments: [last, end]), end)
            }
            guard let end else { return }
            if !found.isEmpty { try body(found) }
            last = end
        }
    }
}
