import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Synchronization
import Tensors
import Testing

extension Registry {
    /// Runs SQL that no rule of the schema stops, as damage on a disk or a hostile author would.
    func tamper(_ sql: String, _ arguments: StatementArguments = []) throws {
        try store.withWriter { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            defer {
                try? db.execute(sql: "PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = OFF")
            }
            try db.execute(sql: sql, arguments: arguments)
        }
    }

    /// Gives the version that was saved last a time of its own. Times are kept to the millisecond, and tell versions
    /// apart; two saves may take less.
    func setTimeOfLatestVersion() throws {
        let seconds = TestClock.seconds.add(1, ordering: .relaxed).newValue
        let time = Timestamp.text(Date(timeIntervalSince1970: 1.8e9 + Double(seconds)))
        try tamper("UPDATE version SET created_at = ? WHERE id = (SELECT max(id) FROM version)", [time])
    }

    func count(_ table: String) throws -> Int { try fetch(Int.self, "SELECT count(*) FROM \(table)") }

    func fetch<Value: DatabaseValueConvertible>(_ type: Value.Type, _ sql: String) throws -> Value {
        try #require(try store.read { db in try Value.fetchOne(db, sql: sql) })
    }

    /// Numbers of rows that hold content, to be compared.
    func contentRowCounts() throws -> [Int] {
        try ["chunk", "tensor", "tensor_chunk", "pack"].map { try count($0) }
    }

    /// What `verify` finds, as texts.
    func problems(_ reference: String? = nil) throws -> [String] {
        try verify(reference).problems.map { "\($0)" }
    }
}

/// What `body` fails with, as a person sees it; `nil` where it does not fail.
func message(_ body: () throws -> some Any) -> String? {
    do {
        _ = try body()
        return nil
    } catch let error as RegistryError {
        return error.description
    } catch {
        return "\(type(of: error)), which is no RegistryError: \(error)"
    }
}

/// A flat checkpoint of named values.
func dictionary(_ entries: KeyValuePairs<String, Checkpoint>) -> Checkpoint {
    var dictionary = CheckpointDictionary()
    for (name, value) in entries { dictionary[name] = value }
    return .dictionary(dictionary)
}

/// A tensor of random bytes, which no codec makes smaller.
func noise(_ byteCount: Int, seed: UInt64 = 1) throws -> Tensor {
    let storage = Storage(uninitializedByteCount: byteCount)
    var state = seed
    storage.withUnsafeMutableBytes { bytes in
        for offset in stride(from: 0, to: byteCount, by: 8) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            withUnsafeBytes(of: state ^ state >> 29) { word in
                for byte in 0..<min(8, byteCount - offset) { bytes[offset + byte] = word[byte] }
            }
        }
    }
    return try Tensor(storage: storage, dtype: .uint8, shape: [byteCount])
}

/// Seconds that only go on when somebody asks.
private enum TestClock {
    static let seconds = Atomic(0)
}
