import Foundation

/// A number by a format of C's `printf`.
func format(_ value: Double, _ format: String) -> String { String(format: format, value) }
