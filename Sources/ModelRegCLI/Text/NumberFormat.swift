import Foundation

/// A number by a format of C's `printf`. Here, since Foundation has a type `Expression` of its own.
func format(_ value: Double, _ format: String) -> String { String(format: format, value) }
