extension Plot {
    /// The plot as lines of text: braille dots, two across and four down in each character, with axes and a legend.
    /// The line that was drawn last has a character that several share.
    ///
    /// - Parameters:
    ///   - width: Characters across, axis included; 30 at least.
    ///   - height: Lines of the plot itself; 4 at least.
    ///   - hasColour: Whether lines are told apart by the colours of a terminal; otherwise, where there are several, by
    ///     letters on them.
    public func terminalLines(width: Int = 80, height: Int = 20, hasColour: Bool = false) -> [String] {
        let height = max(4, height)
        guard let axes = axes(xTickCount: max(2, width / 14), yTickCount: max(3, height / 3)) else {
            return title.isEmpty ? ["nothing to plot"] : [title, "nothing to plot"]
        }
        let labels = axes.y.ticks.map { ($0, axes.y.label($0)) }
        let margin = labels.map(\.1.count).max() ?? 0
        let columns = max(20, width - margin - 2)
        var canvas = BrailleCanvas(columns: columns, rows: height)
        for (index, series) in series.enumerated() {
            for stretch in stretches(of: series) {
                var last: (x: Int, y: Int)?
                for point in stretch {
                    let x = Int((axes.x.position(point.x) * Double(2 * columns - 1)).rounded())
                    let y = Int(((1 - axes.y.position(point.y)) * Double(4 * height - 1)).rounded())
                    canvas.line(from: last ?? (x, y), to: (x, y), series: index)
                    last = (x, y)
                }
            }
        }
        let hasLetters = !hasColour && series.count > 1
        if hasLetters { writeLetters(axes, columns: columns, rows: height, &canvas) }
        var labelOfRow: [Int: String] = [:]
        for (tick, label) in labels {
            let row = Int(((1 - axes.y.position(tick)) * Double(4 * height - 1)).rounded()) / 4
            if (0..<height).contains(row), labelOfRow[row] == nil { labelOfRow[row] = label }
        }
        var lines: [String] = title.isEmpty ? [] : [String(repeating: " ", count: margin + 2) + title]
        for row in 0..<height {
            let label = labelOfRow[row] ?? ""
            let axis = labelOfRow[row] == nil ? "│" : "┤"
            lines.append(
                String(repeating: " ", count: margin - label.count) + label + " " + axis
                    + canvas.line(row, hasColour: hasColour))
        }
        lines += xAxis(axes.x, columns: columns, margin: margin)
        if series.count > 1 || series.first?.name.isEmpty == false {
            for (index, series) in series.enumerated() {
                let mark = hasLetters ? "\(Plot.letter(index))━" : "━━"
                lines.append(
                    String(repeating: " ", count: margin + 2)
                        + (hasColour ? BrailleCanvas.coloured(mark, index) : mark) + " " + series.name)
            }
        }
        return lines
    }

    /// What tells lines apart where there are no colours.
    private static func letter(_ series: Int) -> Unicode.Scalar {
        Unicode.Scalar(UInt8(ascii: "a") + UInt8(series % 26))
    }

    /// Writes each line's letter on it, about every 24 characters, each line's at other columns than the others'.
    private func writeLetters(
        _ axes: (x: Axis, y: Axis), columns: Int, rows: Int, _ canvas: inout BrailleCanvas
    ) {
        let distance = min(24, max(4, columns / 3))
        for (index, series) in series.enumerated() {
            var next = distance / 4 + index * distance / max(1, self.series.count)
            var isWritten = false
            let points = stretches(of: series).flatMap { $0 }
            for (position, point) in points.enumerated() {
                let column = Int((axes.x.position(point.x) * Double(2 * columns - 1)).rounded()) / 2
                // A line that ends before its first letter is due has it at its end.
                guard column >= next || !isWritten && position == points.count - 1 else { continue }
                let row = Int(((1 - axes.y.position(point.y)) * Double(4 * rows - 1)).rounded()) / 4
                canvas.write(Plot.letter(index), column: column, row: row)
                isWritten = true
                next = column + distance
            }
        }
    }

    private func xAxis(_ axis: Axis, columns: Int, margin: Int) -> [String] {
        var rule = Array(repeating: Character("─"), count: columns)
        var text = Array(repeating: Character(" "), count: columns + margin + 2)
        var free = 0
        for tick in axis.ticks {
            let column = min(columns - 1, Int((axis.position(tick) * Double(2 * columns - 1)).rounded()) / 2)
            let label = Array(axis.label(tick))
            let start = max(0, min(text.count - label.count, column + margin + 2 - label.count / 2))
            guard start >= free else { continue }
            rule[column] = "┬"
            for (offset, character) in label.enumerated() { text[start + offset] = character }
            free = start + label.count + 1
        }
        let padding = String(repeating: " ", count: margin + 1)
        var numbers = String(text)
        while numbers.hasSuffix(" ") { numbers.removeLast() }
        let name = numbers.count + 2 + xLabel.count <= columns + margin + 2 ? "  " + xLabel : ""
        return [padding + "└" + String(rule), numbers + name]
    }
}

/// Dots of braille, and which line was drawn last in each character.
private struct BrailleCanvas {
    private let columns: Int
    private let rows: Int
    private var dots: [UInt8]
    private var owner: [Int?]
    private var letters: [Int: Unicode.Scalar] = [:]

    /// The bit of each dot, by row and column within a character (Unicode, block "Braille Patterns").
    private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

    /// Colours of a terminal, told apart by most eyes: cyan, yellow, magenta, green, blue, red.
    private static let colours = [36, 33, 35, 32, 34, 31]

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        dots = Array(repeating: 0, count: columns * rows)
        owner = Array(repeating: nil, count: columns * rows)
    }

    /// Writes a letter in the place of the dots of a character.
    mutating func write(_ letter: Unicode.Scalar, column: Int, row: Int) {
        guard (0..<columns).contains(column), (0..<rows).contains(row) else { return }
        letters[row * columns + column] = letter
    }

    /// Draws a straight line, both ends included.
    mutating func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int), series: Int) {
        let steps = max(abs(end.x - start.x), abs(end.y - start.y))
        for step in 0...max(steps, 0) {
            let part = steps == 0 ? 0 : Double(step) / Double(steps)
            let x = start.x + Int((Double(end.x - start.x) * part).rounded())
            let y = start.y + Int((Double(end.y - start.y) * part).rounded())
            guard (0..<2 * columns).contains(x), (0..<4 * rows).contains(y) else { continue }
            let cell = y / 4 * columns + x / 2
            dots[cell] |= BrailleCanvas.bits[y % 4][x % 2]
            owner[cell] = series
        }
    }

    func line(_ row: Int, hasColour: Bool) -> String {
        var text = ""
        var colour: Int?
        for cell in row * columns..<(row + 1) * columns {
            let next = dots[cell] == 0 ? nil : owner[cell]
            if hasColour, next != colour {
                if colour != nil { text += "\u{1B}[0m" }
                if let next { text += "\u{1B}[\(BrailleCanvas.code(next))m" }
                colour = next
            }
            text.unicodeScalars.append(
                letters[cell] ?? (dots[cell] == 0 ? " " : Unicode.Scalar(0x2800 + UInt32(dots[cell])) ?? " "))
        }
        if colour != nil { text += "\u{1B}[0m" }
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }

    private static func code(_ series: Int) -> Int { colours[series % colours.count] }

    static func coloured(_ text: String, _ series: Int) -> String { "\u{1B}[\(code(series))m\(text)\u{1B}[0m" }
}
