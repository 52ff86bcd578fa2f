import Foundation

/// Numbers for people.
enum Figure {
    /// At most five significant digits: `9.858`, `1.2346e-07`.
    static func text(_ value: Double) -> String {
        value.isFinite ? String(format: "%.5g", value) : value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
    }

    /// The same, or nothing.
    static func text(_ value: Double?) -> String { value.map { text($0) } ?? "" }

    /// A change relative to what was: `+12.5 %`, `-0.03 %`; factors from ten on.
    static func change(_ value: Double?) -> String {
        guard let value else { return "" }
        if value == 0 { return "0 %" }
        if value >= 9 { return String(format: "×%.3g", value + 1) }
        return String(format: "%+.3g %%", 100 * value)
    }
}
