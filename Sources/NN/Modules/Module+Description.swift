extension Module: CustomStringConvertible {
    /// The tree of modules as PyTorch prints it.
    public var description: String { tree() }

    private func tree() -> String {
        let lines = childLines
        let settings = settingsDescription
        if lines.isEmpty { return "\(typeName)(\(settings))" }
        let body = ((settings.isEmpty ? [] : [settings]) + lines).map { "  " + $0.replacingLineBreaks("\n  ") }
        return "\(typeName)(\n\(body.joined(separator: "\n"))\n)"
    }

    /// One entry for each child, except that a list's equal neighbours share one: `(0-3): 4 x Linear(…)`.
    private var childLines: [String] {
        let printed = children.map { (name: $0.name, text: $0.module.tree()) }
        guard self is ModuleList else { return printed.map { "(\($0.name)): \($0.text)" } }
        var lines: [String] = []
        var start = 0
        while start < printed.count {
            var end = start + 1
            while end < printed.count && printed[end].text == printed[start].text { end += 1 }
            lines.append(
                end - start == 1
                    ? "(\(printed[start].name)): \(printed[start].text)"
                    : "(\(printed[start].name)-\(printed[end - 1].name)): \(end - start) x \(printed[start].text)"
            )
            start = end
        }
        return lines
    }
}

extension String {
    fileprivate func replacingLineBreaks(_ replacement: String) -> String {
        split(separator: "\n", omittingEmptySubsequences: false).joined(separator: replacement)
    }
}

/// Python's spelling of a setting.
func python(_ value: Bool) -> String { value ? "True" : "False" }

/// Python's spelling of a setting.
func python(_ value: (Int, Int)) -> String { "(\(value.0), \(value.1))" }

/// Python's spelling of a setting: 0.1, 1.0, 1e-05.
func python(_ value: Double) -> String {
    let text = "\(value)"
    guard let exponent = text.firstIndex(of: "e") else { return text }
    var mantissa = text[..<exponent]
    if mantissa.hasSuffix(".0") { mantissa.removeLast(2) }
    let digits = text[text.index(after: exponent)...]
    let sign = digits.hasPrefix("-") ? "-" : "+"
    let number = digits.drop { $0 == "-" || $0 == "+" }
    return "\(mantissa)e\(sign)\(number.count < 2 ? "0" : "")\(number)"
}
