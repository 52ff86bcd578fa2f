/// A plot of one line of text.
public enum Sparkline {
    /// One character for each number, from low to high; a dot for what is not a finite number.
    ///
    /// More than `width` numbers share characters: the largest of each stretch is drawn.
    public static func text(_ values: [Double?], width: Int = 24) -> String {
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

    /// The values cut into at most `count` stretches of about the same length.
    private static func stretches(_ values: [Double?], _ count: Int) -> [ArraySlice<Double?>] {
        let finite = values.map { $0.flatMap { $0.isFinite ? $0 : nil } }
        guard values.count > count else { return finite.indices.map { finite[$0...$0] } }
        return (0..<count).map { finite[$0 * values.count / count..<($0 + 1) * values.count / count] }
    }
}
