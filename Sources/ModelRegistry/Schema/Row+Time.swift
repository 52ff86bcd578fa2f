import ChunkStore
import Foundation
import Foundations
import GRDB

// A date is written as `Timestamp.text`, and never handed to GRDB, which has a format of its own.

extension Row {
    /// The time in a column.
    ///
    /// - Throws: `StoreDamage`.
    func time(_ column: String) throws -> Date {
        let text: String = try value(column)
        guard let date = Timestamp.date(text) else {
            throw StoreDamage(problem: "\(quoted(String(text.prefix(40)))) is no time")
        }
        return date
    }

    /// The same, or `nil` where the column is NULL.
    func optionalTime(_ column: String) throws -> Date? {
        try optional(column, as: String.self) == nil ? nil : try time(column)
    }
}
