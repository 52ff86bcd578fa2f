package import Foundation
import Foundations

/// Times as text.
package enum Moment {
    /// For people, in UTC: `2026-01-31 12:00`.
    package static func text(_ date: Date) -> String {
        String(exact(date).prefix(16).replacing("T", with: " "))
    }

    /// For programs: `2026-01-31T12:00:00.000Z`.
    package static func exact(_ date: Date) -> String { Timestamp.text(date) }
}
