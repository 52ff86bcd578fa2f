import Foundation

/// Numbers for people.
package enum NumberText {
    /// At most six digits: `0.9737`, `1.5e-05`, `12`.
    package static func text(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        return String(format: value == value.rounded() && abs(value) < 1e15 ? "%.0f" : "%.6g", value)
    }

    /// The same, or nothing.
    package static func text(_ value: Double?) -> String { value.map { text($0) } ?? "" }

    /// Metrics by name: `accuracy=0.9737 loss=0.081`.
    package static func metrics(_ metrics: [String: Double]) -> String {
        metrics.sorted { $0.key < $1.key }.map { "\($0.key)=\(text($0.value))" }.joined(separator: " ")
    }

    /// Three digits, in whole or in powers of ten, such as `0.0812`, `12.3`, `1.2e-05`.
    package static func short(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? "nan" : number < 0 ? "-inf" : "inf" }
        let magnitude = abs(number)
        if magnitude < 1e6, number == number.rounded() {
            return String(format: "%.0f", magnitude == 0 ? 0 : number)
        }
        guard magnitude >= 0.000_995, magnitude < 99_950 else { return String(format: "%.1e", number) }
        let digits = max(0, 2 - Int(log10(magnitude).rounded(.down)))
        return String(format: "%.\(digits)f", number)
    }

    /// A share as `12 %`; never all or nothing unless it is.
    package static func percent(_ share: Double) -> String {
        if share <= 0 { return "0 %" }
        if share >= 1 { return "100 %" }
        if share < 0.001 { return "<0.1 %" }
        if share < 0.0995 { return String(format: "%.1f %%", 100 * share) }
        return "\(min(99, Int((100 * share).rounded()))) %"
    }

    /// A change relative to what was: `+12.5 %`, `-0.03 %`; factors from ten on.
    package static func change(_ value: Double?) -> String {
        guard let value else { return "" }
        if value == 0 { return "0 %" }
        if value >= 9 { return String(format: "×%.3g", value + 1) }
        return String(format: "%+.3g %%", 100 * value)
    }

    /// Hours, minutes and seconds: `1:02:03`, `12.5 s`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "?" }
        if seconds < 60 { return String(format: "%.1f s", seconds) }
        let whole = Int(seconds)
        return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    }

    /// A horizontal bar of `share` of `width` characters, to an eighth of one; something wherever `share` is not 0.
    package static func bar(_ share: Double, width: Int) -> String {
        guard share > 0 else { return "" }
        let eighths = max(1, Int((min(1, share) * Double(8 * width)).rounded()))
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    }
}
