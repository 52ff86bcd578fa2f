import ChunkStore
import Foundations
import GRDB

/// Makes indexes anew that do not match their tables, once it is certain which of the two is right.
///
/// What several copies say counts against one; beside that, what content ids prove. Where neither tells, table and index stay
/// as they are, and what both say is reported.
struct IndexRepair {
    private let registry: Registry
    private let log: RepairLog

    init(_ registry: Registry, _ log: RepairLog) {
        self.registry = registry
        self.log = log
    }

    /// - Complexity: O(rows) of the tables that need it, one transaction for each; the whole file is read where pages of an
    ///   index are damaged.
    func run() throws {
        let tables = try registry.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'pack'
                      AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name
                    """)
        }
        for table in tables {
            try Task.checkCancellation()
            let problems = try registry.readWhereSound { db in try TableCopies.problems(table, db) }
            if problems != [] { try repair(table) }
        }
    }

    private func repair(_ table: String) throws {
        do {
            while true {
                try Task.checkCancellation()
                guard let repair = try TableRepair(registry, table),
                    let done = try registry.write({ db in try repair.run(db) })
                else { continue }
                done.repairs.forEach(log.note)
                done.undecided.forEach(log.leave)
                return
            }
        } catch RegistryError.damaged(let damage) {
            // Rolled back.
            log.leave(
                "\(table): its indexes cannot be made anew in their place (\(damage.problem)): see modelreg salvage"
            )
        }
    }
}

extension Registry {
    /// Reads within one transaction; `nil` where that meets a damaged page.
    ///
    /// A transaction that has met one is not to go on: SQLite does not commit it, nor free the page in it.
    func readWhereSound<Result>(_ body: (Database) throws -> Result) throws -> Result? {
        do { return try read(body) } catch RegistryError.damaged { return nil }
    }
}

/// The repair of one table's indexes: compared in some transactions, and made anew in another.
private struct TableRepair {
    private let registry: Registry
    private let copies: TableCopies
    /// By the index's name; `nil` where it cannot be walked through.
    private let differences: [String: TableCopies.Difference?]
    /// What SQLite finds wrong with the table and its indexes.
    private let problems: Set<String>
    /// The same of the whole file, where pages of an index are none of a tree; `nil` where only rows differ.
    private let allProblems: Set<String>?
    /// What changes when anybody commits.
    private let state: UInt64

    /// Whether a problem is a row that an index has otherwise.
    private static func isOfIndex(_ problem: String) -> Bool {
        problem.contains(/(missing from|entries in|entry in) index/)
    }

    /// Whether a problem is a value that the schema forbids. It says nothing about pages.
    private static func isOfValue(_ problem: String) -> Bool { problem.hasPrefix("CHECK constraint failed") }

    /// - Returns: `nil` where somebody has changed the registry meanwhile.
    init?(_ registry: Registry, _ table: String) throws {
        self.registry = registry
        let (copies, state, isMapped) = try registry.read { db in
            (
                try TableCopies(table, db), try registry.store.state(db),
                try Int.fetchOne(db, sql: "PRAGMA auto_vacuum") != 0
            )
        }
        func look<Result>(_ body: (Database) throws -> Result) throws -> (isSame: Bool, result: Result?) {
            var isSame = false
            let result = try registry.readWhereSound { db in
                isSame = try registry.store.state(db) == state
                return try body(db)
            }
            return (isSame, result)
        }
        guard (try look({ db in try copies.read(db) }).result) != nil else {
            throw RegistryError.damaged(RegistryError.Damage(problem: "pages of the table itself are damaged"))
        }
        let unreadable: Set = ["database disk image is malformed"]
        let (isSame, found) = try look { db in try TableCopies.problems(table, db) }
        guard isSame else { return nil }
        let problems = found ?? unreadable
        // Freeing a page that is none of a tree might free one of another tree.
        let isStructural = !problems.allSatisfy { TableRepair.isOfIndex($0) || TableRepair.isOfValue($0) }
        if isStructural || !isMapped {
            let (isSame, found) = try look { db in try TableCopies.allProblems(db) }
            guard isSame else { return nil }
            allProblems = found ?? unreadable
        } else {
            allProblems = nil
        }
        var differences: [String: TableCopies.Difference?] = [:]
        for index in copies.indexes {
            let (isSame, found) = try look { db in try copies.difference(index, db) }
            guard isSame else { return nil }
            differences[index.name] = .some(found)
        }
        (self.copies, self.state, self.problems, self.differences) = (copies, state, problems, differences)
    }

    /// A row of which copies differ, and what is to become of the table's.
    private enum Decision {
        case keep
        case change([String: DatabaseValue])
        case open(String)
    }

    /// Differing rows of an index that are looked at one by one.
    private static let rowLimit = 1000

    /// - Returns: `nil` where somebody has changed the registry meanwhile.
    func run(_ db: Database) throws -> (repairs: [RepairReport.Repair], undecided: [String])? {
        guard try registry.store.state(db) == state else { return nil }
        var repairs: [RepairReport.Repair] = []
        var undecided: [String] = []
        var changes: [[DatabaseValue]: [String: DatabaseValue]] = [:]
        var names: [String] = []
        for index in copies.indexes {
            guard let decisions = try decisions(index, db) else { continue }
            let open = decisions.compactMap { _, decision in
                if case .open(let text) = decision { text } else { nil }
            }
            undecided += open
            guard open.isEmpty else { continue }
            names.append(index.name)
            for case (let key, .change(let values)) in decisions {
                changes[key, default: [:]].merge(values) { $1 }
            }
        }
        for name in names {
            try db.execute(sql: "REINDEX \(TableCopies.name(name))")
            repairs.append(.init("index \(printable(name)) of table \(printable(copies.table)) was made anew"))
        }
        for (key, values) in changes {
            try copies.update(key, values, db)
            repairs.append(
                .init("\(text(key)): \(text(values)) as its index, and other rows, say"))
        }
        if !names.isEmpty { try requireBetter(db) }
        return (repairs, undecided)
    }

    /// Checks that only what was there before is wrong now, and nothing of it with the table itself: where new indexes do
    /// not mend that, the old ones may be all that is left of its rows.
    private func requireBetter(_ db: Database) throws {
        let after = try TableCopies.problems(copies.table, db)
        let ofTable = after.filter { !TableRepair.isOfIndex($0) && !TableRepair.isOfValue($0) }
        guard ofTable.isEmpty else {
            throw RegistryError.Damage(
                problem: ofTable.sorted().first { !$0.hasPrefix("***") } ?? "its pages are damaged")
        }
        guard after.isSubset(of: problems),
            try allProblems.map({ try TableCopies.allProblems(db).isSubset(of: $0) }) != false
        else { throw RegistryError.Damage(problem: "pages would be freed that others need") }
    }

    // MARK: Deciding

    /// What to do with the rows of an index that the table does not have so; `nil` where nothing is wrong with it.
    private func decisions(_ index: TableCopies.Index, _ db: Database) throws -> [([DatabaseValue], Decision)]?
    {
        // Nothing is left to compare the table with.
        guard let difference = differences[index.name] ?? nil else { return [] }
        let isNamed = problems.contains { $0.hasSuffix(" index \(index.name)") }
        guard allProblems != nil || isNamed || !difference.inIndex.isEmpty || !difference.inTable.isEmpty else {
            return nil
        }
        guard difference.inIndex.count <= TableRepair.rowLimit else {
            return [
                (
                    [],
                    .open(
                        "\(difference.inIndex.count) rows of index \(index.name) are not those of \(copies.table)"
                    )
                )
            ]
        }
        return try difference.inIndex.sorted { "\($0.key)" < "\($1.key)" }.map { key, values in
            guard let row = try copies.row(key, db) else {
                return (key, try isHarmless(key, index, db) ? .keep : .open(lostRow(key, values, index)))
            }
            let differing = values.filter { $0.value != row[$0.key] as DatabaseValue }
            return (key, try decide(key, row, differing, index, db))
        }
    }

    private func decide(
        _ key: [DatabaseValue], _ row: Row, _ differing: [String: DatabaseValue], _ index: TableCopies.Index,
        _ db: Database
    ) throws -> Decision {
        var changes: [String: DatabaseValue] = [:]
        var open: [String: DatabaseValue] = [:]
        for (column, value) in differing {
            switch vote(key, column, table: row[column], index: value) {
            case true: break
            case false: changes[column] = value
            case nil: open[column] = value
            }
        }
        guard !open.isEmpty else { return changes.isEmpty ? .keep : .change(changes) }
        if RowProof.vouches(for: open.keys, of: copies.table) {
            let proof = RowProof(registry)
            let isTableRight = try proof.isProven(copies.table, row, db)
            let isIndexRight = try trying(index, key, open, db) { row in
                try proof.isProven(copies.table, row, db)
            }
            if isTableRight, !isIndexRight { return changes.isEmpty ? .keep : .change(changes) }
            if isIndexRight, !isTableRight { return .change(changes.merging(open) { $1 }) }
        }
        let values = open.keys.sorted().map { name in
            let table = TableRepair.text(row[name] as DatabaseValue)
            return
                "\(name) is \(table) in the table and \(TableRepair.text(open[name] ?? .null)) in index \(index.name)"
        }
        return .open("\(text(key)): \(values.joined(separator: "; "))")
    }

    /// Whether more copies have the table's value than the index's; `nil` where none of the two has more.
    private func vote(
        _ key: [DatabaseValue], _ column: String, table: DatabaseValue, index: DatabaseValue
    ) -> Bool? {
        var (forTable, forIndex) = (1, 0)
        for other in copies.indexes where other.columns.contains(column) {
            guard let difference = differences[other.name] ?? nil else { continue }
            if let value = difference.inIndex[key]?[column] {
                if value == table { forTable += 1 }
                if value == index { forIndex += 1 }
            } else if !difference.inTable.contains(key), other.condition == "TRUE" {
                forTable += 1
            }
        }
        return forTable == forIndex ? nil : forTable > forIndex
    }

    /// What `body` says of the row as the index has it; then all is as before.
    private func trying(
        _ index: TableCopies.Index, _ key: [DatabaseValue], _ values: [String: DatabaseValue], _ db: Database,
        _ body: (Row) throws -> Bool
    ) throws -> Bool {
        var result = false
        do {
            try db.inSavepoint {
                for index in copies.indexes where !Set(index.columns).isDisjoint(with: values.keys) {
                    try db.execute(sql: "REINDEX \(TableCopies.name(index.name))")
                }
                try copies.update(key, values, db)
                if let row = try copies.row(key, db) { result = try body(row) }
                return .rollback
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            // What the table cannot have is not right.
            return false
        }
        return result
    }

    // MARK: Rows that only an index has

    /// Whether a row that only an index has is certainly none of the table.
    private func isHarmless(_ key: [DatabaseValue], _ index: TableCopies.Index, _ db: Database) throws -> Bool {
        // Its second copy, too, does not have it.
        let others = copies.indexes.filter { $0.name != index.name && $0.condition == "TRUE" }
        if others.contains(where: { other in
            guard let difference = differences[other.name] ?? nil else { return false }
            return difference.inIndex[key] == nil
        }) {
            return true
        }
        let proof = RowProof(registry)
        guard let first = key.first.flatMap({ Int64.fromDatabaseValue($0) }) else { return false }
        switch copies.table {
        case "tensor_chunk": return try proof.isTensorProvenOrGone(first, db)
        case "parameter", "dropped_parameter": return try proof.isVersionProvenOrGone(first, db)
        case let table where RowProof.sharedTables.contains(table): return try !isNamed(first, db)
        default: return false
        }
    }

    /// Whether a row of any table names a row of this one.
    private func isNamed(_ id: Int64, _ db: Database) throws -> Bool {
        let children = try Row.fetchAll(
            db,
            sql: """
                SELECT child.name, key."from" FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS key
                WHERE child.type = 'table' AND key."table" = ?
                """,
            arguments: [copies.table])
        return try children.contains { child in
            let (table, column): (String, String) = (child["name"], child["from"])
            return try Bool.fetchOne(
                db,
                sql: """
                    SELECT 1 FROM \(TableCopies.itself(table, db)) WHERE \(TableCopies.name(column)) = ? LIMIT 1
                    """,
                arguments: [id]) == true
        }
    }

    // MARK: Texts

    private func lostRow(
        _ key: [DatabaseValue], _ values: [String: DatabaseValue], _ index: TableCopies.Index
    ) -> String {
        "\(text(key)): the table does not have it, and index \(index.name) has \(text(values))"
    }

    private func text(_ key: [DatabaseValue]) -> String {
        "row \(key.map(TableRepair.text).joined(separator: ", ")) of table \(copies.table)"
    }

    private func text(_ values: [String: DatabaseValue]) -> String {
        values.sorted { $0.key < $1.key }.map { "\($0.key) is \(TableRepair.text($0.value))" }
            .joined(separator: ", ")
    }

    private static func text(_ value: DatabaseValue) -> String {
        switch value.storage {
        case .null: "NULL"
        case .int64(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string(let text): quoted(text)
        case .blob(let data):
            "x'\(data.prefix(32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())'"
        }
    }
}
