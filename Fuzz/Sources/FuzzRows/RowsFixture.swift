import Checkpoints
import ChunkStore
import Foundation
import FuzzSupport
import GRDB
import ModelRegistry
import Tensors

/// A registry of three packed versions, whose rows are changed.
final class RowsFixture {
    nonisolated(unsafe) static let shared = RowsFixture()

    private let registry: Registry
    private let saved: [ContentID]

    /// A column that is changed.
    struct Column {
        let table: String
        let name: String
        /// Whether what loads must be what was saved all the same: each chunk has a checksum, versions have none.
        let keepsContent: Bool
    }

    static let columns: [Column] = {
        func columns(_ table: String, _ names: [String], keepsContent: Bool = false) -> [Column] {
            names.map { Column(table: table, name: $0, keepsContent: keepsContent) }
        }
        return columns(
            "chunk",
            ["byte_count", "codec", "base", "depth", "pack", "pack_offset", "stored_byte_count", "content_id"],
            keepsContent: true)
            + columns("pack", ["byte_count", "bytes"], keepsContent: true)
            + columns("chunk", ["checksum"])
            + columns("tensor_chunk", ["tensor", "ordinal", "chunk"])
            + columns("tensor", ["content_id", "dtype", "shape", "byte_count"])
            + columns(
                "parameter",
                [
                    "ordinal", "path", "role", "tensor", "storage", "storage_offset", "view_id", "view_dtype",
                    "view_shape", "view_strides", "view_offset", "value_kind", "value",
                ])
            + columns("structure", ["content_id", "json"])
            + columns("path", ["text"])
    }()

    private init() {
        do {
            let registry = try Registry.inMemory()
            for step in 0..<3 { try registry.save(RowsFixture.checkpoint(step), as: "m", message: "") }
            try registry.pack()
            saved = try (1...3).map { try Manifest(of: RowsFixture.loaded(registry, $0)).contentID }
            self.registry = registry
            try registry.store.withWriter { db in
                try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            }
        } catch {
            fail("\(error)")
        }
    }

    private static func checkpoint(_ step: Int) throws -> Checkpoint {
        let weights = Tensor((0..<900).map { Float($0 % 37) / 7 + Float(step) * 1e-5 })
        var dictionary = CheckpointDictionary()
        dictionary["weights"] = .tensor(weights, role: .parameter)
        dictionary["rows"] = .tensor(weights.reshaped(to: [30, 30])[2..<4])
        dictionary["count"] = .tensor(Tensor((0..<64).map { Int64($0 * step) }), role: .buffer)
        dictionary["epoch"] = .integer(Int64(step))
        dictionary["names"] = .tuple([.string("a"), .none, .number(0.5)])
        return .dictionary(dictionary)
    }

    private static func loaded(_ registry: Registry, _ number: Int) throws -> Checkpoint {
        try registry.load("m:v\(number)", as: Checkpoint.self)
    }

    /// Changes a column of one row.
    ///
    /// - Returns: What undoes it; `nil` where there is no such row.
    func change(_ column: Column, from input: inout FuzzInput) throws -> (() throws -> Void)? {
        let (table, name) = (column.table, column.name)
        // Tables of pairs have no row numbers: their keys name a row.
        let key = ["tensor_chunk": "tensor, ordinal", "parameter": "version, ordinal"][table] ?? "id"
        return try registry.store.withWriter { db in
            let rows = try Row.fetchAll(db, sql: "SELECT \(key), \(name) AS old FROM \(table) ORDER BY \(key)")
            guard !rows.isEmpty else { return nil }
            let row = rows[input.index(below: rows.count)]
            let keys = Array(row.databaseValues.dropLast())
            let old: DatabaseValue = row["old"]
            let new = value(&input, old: old, others: rows)
            let isKey = key.split(separator: ", ").firstIndex { $0 == name }
            var newKeys = keys
            if let isKey { newKeys[isKey] = new }
            let condition = key.split(separator: ", ").map { "\($0) IS ?" }.joined(separator: " AND ")
            let sql = "UPDATE \(table) SET \(name) = ? WHERE \(condition)"
            try db.execute(sql: sql, arguments: StatementArguments([new] + keys))
            return { [registry] in
                try registry.store.withWriter { db in
                    // What SQLite made of the value is what the row is called now.
                    try db.execute(sql: sql, arguments: StatementArguments([old] + newKeys))
                    require(db.changesCount == 1, "\(table).\(name) is not as before")
                }
            }
        }
    }

    private func value(_ input: inout FuzzInput, old: DatabaseValue, others: [Row]) -> DatabaseValue {
        switch input.byte() % 8 {
        case 0: return .null
        case 1: return Int64(input.byte()).databaseValue
        case 2: return Int64(bitPattern: input.number(byteCount: 8)).databaseValue
        case 3: return others[input.index(below: others.count)]["old"]
        case 4: return String(decoding: input.bytes(Int(input.byte() % 32)), as: UTF8.self).databaseValue
        case 5: return Data(input.bytes(Int(input.byte() % 40))).databaseValue
        default: break
        }
        // A little beside the old one.
        switch old.storage {
        case .int64(let number): return (number &+ Int64(Int8(bitPattern: input.byte()))).databaseValue
        case .blob(var data) where !data.isEmpty:
            for _ in 0...input.byte() % 3 { data[input.index(below: data.count)] ^= input.byte() }
            return data.databaseValue
        case .string(let text):
            var bytes = Array(text.utf8)
            if !bytes.isEmpty { bytes[input.index(below: bytes.count)] ^= input.byte() }
            return String(decoding: bytes, as: UTF8.self).databaseValue
        default: return 0.5.databaseValue
        }
    }

    /// Loads and verifies all versions.
    func look(isContent: Bool) {
        let verified = refusing { try registry.verify().problems.map { "\($0)" } }
        require(verified?.allSatisfy { !$0.contains("\n") } ?? true, "a problem of two lines")
        for number in 1...3 {
            let checkpoint = refusing { try RowsFixture.loaded(registry, number) }
            guard let checkpoint, isContent || verified == [] else {
                require(verified != [], "v\(number) is fine, and does not load")
                continue
            }
            let id = refusing { try Manifest(of: checkpoint).contentID }
            require(id == saved[number - 1], "v\(number) is another one")
        }
    }
}
