package import Checkpoints
package import Foundation
package import GRDB

// Columns are read with care: a file may come from anybody.

extension ContentID {
    /// The 32 bytes, as a column holds them.
    package var data: Data { withUnsafeBytes { Data($0) } }
}

extension [UInt8] {
    /// The bytes, as a column holds them.
    package var data: Data { Data(self) }
}

extension Row {
    /// The content id in a column.
    ///
    /// - Throws: ``StoreDamage``.
    package func contentID(_ column: String) throws -> ContentID {
        let id = try withUnsafeData(named: column) { data in
            data.flatMap { data in data.withUnsafeBytes { ContentID(bytes: $0) } }
        }
        guard let id else { throw StoreDamage(problem: "column \"\(column)\" is no content id") }
        return id
    }

    /// An integer, text, … in a column.
    ///
    /// - Throws: ``StoreDamage`` when the column holds something else.
    package func value<Value: DatabaseValueConvertible>(
        _ column: String, as type: Value.Type = Value.self
    ) throws -> Value {
        guard let value = Value.fromDatabaseValue(self[column] as DatabaseValue) else {
            throw StoreDamage(problem: "column \"\(column)\" holds no \(type)")
        }
        return value
    }

    /// The same, or `nil` where the column is NULL.
    package func optional<Value: DatabaseValueConvertible>(
        _ column: String, as type: Value.Type = Value.self
    ) throws -> Value? {
        (self[column] as DatabaseValue).isNull ? nil : try value(column, as: type)
    }
}
