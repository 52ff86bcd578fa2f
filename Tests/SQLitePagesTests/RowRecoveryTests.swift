import Foundation
import GRDB
import SQLitePages
import TestSupport
import Testing

/// Files that SQLite has written, whole and damaged.
struct RowRecoveryTests {
    private let folder: TemporaryFolder
    private let path: String

    /// What a file is made of.
    struct Layout: CustomStringConvertible, Sendable {
        let pageByteCount: Int
        let vacuum: String

        var description: String { "\(pageByteCount) \(vacuum)" }
    }

    static let layouts = [512, 4096, 65536].flatMap { size in
        ["NONE", "INCREMENTAL"].map { Layout(pageByteCount: size, vacuum: $0) }
    }

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("a.db")
    }

    private static let item = TreeShape(
        table: "item",
        columns: [
            .init(name: "id", type: "INTEGER", isOptional: false),
            .init(name: "number", type: "REAL", isOptional: true),
            .init(name: "name", type: "TEXT", isOptional: false),
            .init(name: "bytes", type: "BLOB", isOptional: true),
            .init(name: "any", type: "ANY", isOptional: true),
        ], rowIDColumn: 0, isIndex: false)

    private static let pair = TreeShape(
        table: "pair",
        columns: [
            .init(name: "key", type: "TEXT", isOptional: false),
            .init(name: "number", type: "INTEGER", isOptional: false),
            .init(name: "value", type: "BLOB", isOptional: true),
        ], rowIDColumn: nil, isIndex: true)

    /// Writes rows, some of them longer than a page, and deletes others.
    private func write(_ layout: Layout, seed: UInt64) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA page_size = \(layout.pageByteCount)")
            try db.execute(sql: "PRAGMA auto_vacuum = \(layout.vacuum)")
        }
        var generator = SeededGenerator(seed: seed)
        func blob() -> Data {
            let count = Int.random(in: 0..<8, using: &generator) == 0 ? 3 * layout.pageByteCount : 40
            return Data(
                (0..<Int.random(in: 0...count, using: &generator)).map { _ in
                    .random(in: 0...255, using: &generator)
                })
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE item (id INTEGER PRIMARY KEY, number REAL, name TEXT NOT NULL, bytes BLOB, any ANY) STRICT;
                    CREATE TABLE pair (key TEXT NOT NULL, number INTEGER NOT NULL, value BLOB,
                      PRIMARY KEY (key, number)) STRICT, WITHOUT ROWID;
                    """)
            for row in 0..<600 {
                let any: [any DatabaseValueConvertible] = [
                    Int64.random(in: .min ... .max, using: &generator), Int64(row) - 300, Double(row) / 3,
                    "ä\(row)", blob(),
                    Int64(1) << Int64(row % 63), -(Int64(1) << Int64(row % 63)), Double.infinity,
                ]
                try db.execute(
                    sql: "INSERT INTO item VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        row == 0 ? Int64.min : Int64(row) * 1_000_003, row % 5 == 0 ? nil : Double(row) / 4,
                        "name \(row)",
                        row % 7 == 0 ? nil : blob(), row % 9 == 8 ? nil : any[row % 9 % 8],
                    ])
                try db.execute(
                    sql: "INSERT INTO pair VALUES (?, ?, ?)", arguments: ["key \(row % 13)", row, blob()])
            }
            try db.execute(sql: "DELETE FROM item WHERE id % 11 = 3; DELETE FROM pair WHERE number % 11 = 3")
        }
        try queue.close()
    }

    private func stored(_ table: String) throws -> Set<[SQLiteValue]> {
        let queue = try DatabaseQueue(path: path)
        let rows = try queue.read { db in try Row.fetchAll(db, sql: "SELECT * FROM \(table)") }
        return Set(rows.map { row in row.databaseValues.map { SQLiteValue($0).comparable } })
    }

    private func recovery() throws -> RowRecovery {
        RowRecovery(
            try PageFile(path: path, expecting: PageFile.Layout(pageByteCount: 4096, hasPointerMap: true)))
    }

    private func rows(_ recovery: RowRecovery, _ roots: [String: Int]) -> (
        item: Set<[SQLiteValue]>, pair: Set<[SQLiteValue]>, isWhole: Bool
    ) {
        var found: [Set<[SQLiteValue]>] = [[], []]
        let outcomes = recovery.forEachRow(of: [
            RowRecovery.Tree(shape: Self.item, root: roots["item"] ?? 0),
            RowRecovery.Tree(shape: Self.pair, root: roots["pair"] ?? 0),
        ]) { found[$0].insert($1.map(\.comparable)) }
        return (found[0], found[1], outcomes.allSatisfy(\.isWhole))
    }

    /// Changes the bytes of a page.
    private func damage(page: Int, _ pageByteCount: Int, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let range = (page - 1) * pageByteCount..<page * pageByteCount
        var page = Array(bytes[range])
        body(&page)
        bytes.replaceSubrange(range, with: page)
        try Data(bytes).write(to: URL(filePath: path))
    }

    @Test(arguments: layouts)
    func readsWhatSQLiteHasWritten(_ layout: Layout) throws {
        try write(layout, seed: 1)
        let recovery = try recovery()
        let roots = recovery.roots()
        let found = rows(recovery, roots)
        let (item, pair) = (try stored("item"), try stored("pair"))
        #expect(item.count > 500 && found.item == item)
        #expect(pair.count > 500 && found.pair == pair)
        #expect(found.isWhole)
        // Pages that were freed do not bring deleted rows back.
        #expect(recovery.forEachLikelyRow(of: Self.item) { _ in } == 0)
    }

    /// A page above all others of its tree.
    @Test(arguments: layouts)
    func findsThePagesBelowALostRoot(_ layout: Layout) throws {
        try write(layout, seed: 2)
        let roots = try recovery().roots()
        let expected = try stored("item")
        let root = try #require(roots["item"])
        try damage(page: root, layout.pageByteCount) { $0 = Array(repeating: 0, count: $0.count) }
        let recovery = try recovery()
        var found = rows(recovery, roots)
        #expect(!found.isWhole)
        if layout.vacuum == "NONE" {
            // Nothing but their looks tells whose they are.
            _ = recovery.forEachLikelyRow(of: Self.item) { found.item.insert($0.map(\.comparable)) }
        }
        // Interior pages of tables hold no rows; here the root is one, but where pages are large.
        if layout.pageByteCount < 65536 { #expect(found.item == expected) }
        #expect(try found.pair == rows(self.recovery(), roots).pair)
    }

    @Test(arguments: layouts)
    func readsFilesWithoutAHeader(_ layout: Layout) throws {
        try write(layout, seed: 3)
        let roots = try recovery().roots()
        let (item, pair) = (try stored("item"), try stored("pair"))
        try damage(page: 1, layout.pageByteCount) { $0 = Array(repeating: 0, count: $0.count) }
        let file = try PageFile(
            path: path,
            expecting: PageFile.Layout(
                pageByteCount: layout.pageByteCount, hasPointerMap: layout.vacuum != "NONE"))
        let recovery = RowRecovery(file)
        #expect(recovery.roots().isEmpty)
        let found = rows(recovery, roots)
        #expect(found.item == item && found.pair == pair)
    }

    /// One page of a long record is lost: its bytes are zero, and those after it are there.
    @Test func followsALongRecordPastALostPage() throws {
        let layout = Layout(pageByteCount: 512, vacuum: "INCREMENTAL")
        try write(layout, seed: 4)
        var generator = SeededGenerator(seed: 8)
        let bytes = (0..<20_000).map { _ in UInt8.random(in: 1...255, using: &generator) }
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in
            try db.execute(
                sql: "INSERT INTO item VALUES (1, NULL, 'long', ?, NULL)", arguments: [Data(bytes)])
        }
        try queue.close()
        let roots = try recovery().roots()
        let content = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let needle = Array(bytes[10_000..<10_040])
        let place = try #require(content.indices.first { content[$0...].starts(with: needle) })
        try damage(page: place / 512 + 1, 512) { $0 = Array(repeating: 0, count: $0.count) }
        let found = rows(try recovery(), roots)
        let row = try #require(found.item.first { $0[0] == .integer(1) })
        guard case .blob(let read) = row[3] else { throw NotABlob() }
        #expect(read.count == bytes.count)
        let wrong = zip(read, bytes).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
        #expect(wrong.count == 508 && wrong.contains(10_000))
        #expect(wrong.last.map { $0 - wrong[0] } == 507)
    }

    private struct NotABlob: Error {}

    /// A page of a few bytes could otherwise name gigabytes: many cells, and each the same long record.
    @Test(arguments: [0, 1])
    func longRecordsAreReadOnce(step: Int) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.inDatabase { db in try db.execute(sql: "PRAGMA page_size = 512") }
        try queue.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE item (id INTEGER PRIMARY KEY, number REAL, name TEXT NOT NULL, bytes BLOB, any ANY) STRICT;
                    INSERT INTO item VALUES (1, NULL, 'long', zeroblob(100116), NULL);
                    """)
        }
        try queue.close()
        let roots = try recovery().roots()
        try damage(page: try #require(roots["item"]), 512) { page in
            let cell = Int(page[8]) << 8 | Int(page[9])
            // The record was made to have a short cell. Pointers to it, or to copies of it that name the same pages.
            let bytes = Array(page[cell..<min(512, cell + 120)])
            let count = step == 0 ? 100 : 3
            for index in 0..<count {
                let place = step == 0 ? cell : 100 + index * 120
                if step == 1 { page.replaceSubrange(place..<place + bytes.count, with: bytes) }
                page[8 + 2 * index] = UInt8(place >> 8)
                page[9 + 2 * index] = UInt8(place & 0xFF)
            }
            page[4] = UInt8(count)
        }
        let recovery = try recovery()
        var byteCount = 0
        _ = recovery.forEachRow(of: [RowRecovery.Tree(shape: Self.item, root: roots["item"] ?? 0)]) { _, row in
            if case .blob(let bytes) = row[3] { byteCount += bytes.count }
        }
        // Twice the file, of which all is one record: what is lost is zero, up to a bound.
        #expect(byteCount >= 100_000 && byteCount <= 300_000)
    }

    /// Bits anywhere: some rows or none, and neither a trap nor a loop.
    @Test func survivesWrongBits() throws {
        let layout = Layout(pageByteCount: 512, vacuum: "INCREMENTAL")
        try write(layout, seed: 5)
        let original = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<60 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...200, using: &generator) {
                // Mostly where pages begin.
                let page = Int.random(in: 0..<bytes.count / 512, using: &generator) * 512
                bytes[page + Int.random(in: 0..<16, using: &generator)] = .random(
                    in: 0...255, using: &generator)
            }
            try Data(bytes).write(to: URL(filePath: path))
            let recovery = try recovery()
            let roots = recovery.roots()
            _ = rows(recovery, roots)
            for shape in [Self.item, Self.pair] { _ = recovery.forEachLikelyRow(of: shape) { _ in } }
        }
    }
}

extension SQLiteValue {
    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .null: self = .null
        case .int64(let value): self = .integer(value)
        case .double(let value): self = .real(value)
        case .string(let value): self = .text(Array(value.utf8))
        case .blob(let value): self = .blob(Array(value))
        }
    }

    /// A REAL column may hold a number without a fraction as an integer, and gives it back as a real.
    fileprivate var comparable: SQLiteValue {
        guard case .real(let value) = self, let integer = Int64(exactly: value) else { return self }
        return .integer(integer)
    }
}
