/// Colours of a terminal; plain text elsewhere.
enum Style: String, CaseIterable {
    case green = "32"
    case red = "31"
    case yellow = "33"
    case dim = "2"
    case bold = "1"
    // Of lines in plots, beside those above.
    case blue = "34"
    case magenta = "35"
    case cyan = "36"

    func callAsFunction(_ text: String) -> String {
        Output.hasColour ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }

    /// All that a line may contain to change colours; nothing where there are none.
    static let sequences = Output.hasColour ? (allCases.map(\.rawValue) + ["0"]).map { "\u{1B}[\($0)m" } : []
}
