/// Numbers drawn in a terminal.
enum Plot {
    /// One character for each number, from low to high; a dot for what is not a finite number.
    ///
    /// More than `width` numbers share characters: the largest of each stretch is drawn.
    static func spark(_ values: [Double?], width: Int = 24) -> String {
        let columns = stretches(values, width).map { $0.compactMap { $0 }.max() }
        let known = columns.compactMap { $0 }
        guard let low = known.min(), let high = known.max() else {
            return String(repeating: "·", count: columns.count)
        }
        let bars = Array("▁▂▃▄▅▆▇█")
        return String(
            columns.map { value -> Character in
                guard let value else { return "·" }
                guard high > low else { return bars[3] }
                return bars[min(bars.count - 1, Int((value - low) / (high - low) * Double(bars.count)))]
            })
    }

    /// A line through the numbers, in dots of braille, two to a column and four to a row, with the range at its left.
    static func line(_ values: [Double?], width: Int = 60, height: Int = 4) -> [String] {
        let finite = values.map { $0.flatMap { $0.isFinite ? $0 : nil } }
        let known = finite.compactMap { $0 }
        guard let low = known.min(), let high = known.max() else { return [] }
        // Few numbers stand apart, many share columns of dots.
        let dotWidth = min(2 * width, max(1, 4 * (values.count - 1) + 1))
        let dotHeight = 4 * height
        var dots = [UInt8](repeating: 0, count: (dotWidth + 1) / 2 * height)
        func draw(_ x: Int, _ y: Int) {
            // Rows of a braille character have their bits in this order, left and right.
            let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
            let fromTop = dotHeight - 1 - y
            dots[fromTop / 4 * ((dotWidth + 1) / 2) + x / 2] |= bits[fromTop % 4][x % 2]
        }
        func place(_ index: Int, _ value: Double) -> (x: Int, y: Int) {
            let x = values.count < 2 ? 0 : index * (dotWidth - 1) / (values.count - 1)
            let y = high > low ? Int(((value - low) / (high - low) * Double(dotHeight - 1)).rounded()) : 0
            return (x, y)
        }
        var last: (x: Int, y: Int)?
        for (index, value) in finite.enumerated() {
            guard let value else {
                last = nil
                continue
            }
            let point = place(index, value)
            let from = last ?? point
            let steps = max(abs(point.x - from.x), abs(point.y - from.y), 1)
            for step in 0...steps {
                draw(
                    from.x + (point.x - from.x) * step / steps, from.y + (point.y - from.y) * step / steps)
            }
            last = point
        }
        let labels = [Figure.text(high), Figure.text(low)]
        let labelWidth = labels.map(\.count).max() ?? 0
        let columns = (dotWidth + 1) / 2
        return (0..<height).map { row in
            let label = row == 0 ? labels[0] : row == height - 1 ? labels[1] : ""
            let text = dots[row * columns..<(row + 1) * columns].map { dot in
                Character(Unicode.Scalar(0x2800 + UInt32(dot)) ?? " ")
            }
            return String(repeating: " ", count: labelWidth - label.count) + label + " │" + String(text)
        }
    }

    /// The values cut into at most `count` stretches of about the same length.
    private static func stretches(_ values: [Double?], _ count: Int) -> [ArraySlice<Double?>] {
        let finite = values.map { $0.flatMap { $0.isFinite ? $0 : nil } }
        guard values.count > count else { return finite.indices.map { finite[$0...$0] } }
        return (0..<count).map { finite[$0 * values.count / count..<($0 + 1) * values.count / count] }
    }
}
