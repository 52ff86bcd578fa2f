/// A plot as part of a page: lines have classes and no colours, so that the page's style says what light and dark are.
/// `s0` to `s6` are lines, `b0` to `b6` the bands between least and greatest values, `m` marked points.
public struct InlinePlot: Sendable {
    /// The lines; those after the seventh begin again with the first class.
    public var lines: [Envelope]
    /// What the horizontal axis counts, with its unit.
    public var xLabel: String
    /// What the vertical axis counts, with its unit.
    public var yLabel: String
    /// Whether the vertical axis is logarithmic: values of zero and less are gaps then.
    public var isLogarithmic: Bool
    /// Places with a ring, and what is said about each.
    public var marks: [(point: Series.Point, text: String)]
    /// Units across; the page says how long one is.
    public var width: Int
    /// Units down.
    public var height: Int

    /// A plot.
    public init(
        _ lines: [Envelope], xLabel: String, yLabel: String, isLogarithmic: Bool = false,
        marks: [(point: Series.Point, text: String)] = [], width: Int = 720, height: Int = 240
    ) {
        self.lines = lines
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.isLogarithmic = isLogarithmic
        self.marks = marks
        self.width = width
        self.height = height
    }

    /// Number of classes for lines.
    public static let classCount = 7

    private func isShown(_ column: Envelope.Column) -> Bool {
        column.x.isFinite && [column.low, column.high, column.mean].allSatisfy(\.isFinite)
            && (!isLogarithmic || column.low > 0)
    }

    /// The picture; its text alternative says what is in it.
    public func svg() -> String {
        let shown = lines.flatMap(\.columns).filter(isShown)
        let label = Plot.escaped("\(yLabel) by \(xLabel): \(lines.map(\.name).joined(separator: ", "))")
        guard let axes = axes(shown) else {
            return "<p class=\"dim\">\(Plot.escaped(yLabel)): nothing that could be drawn.</p>"
        }
        let frame = Frame(width: width, height: height, labels: axes.y.ticks.map(axes.y.label))
        var svg = "<svg class=\"plot\" viewBox=\"0 0 \(width) \(height)\" role=\"img\" aria-label=\"\(label)\" "
        svg += "data-frame=\"\(frame.left),\(frame.right),\(frame.top),\(frame.bottom)\" "
        svg +=
            "data-axes=\"\(axes.x.low),\(axes.x.high),\(axes.y.low),\(axes.y.high),\(isLogarithmic ? 1 : 0)\">"
        svg += grid(axes, frame)
        for (index, line) in lines.enumerated() { svg += draw(line, index % Self.classCount, axes, frame) }
        for mark in marks where mark.point.x.isFinite && mark.point.y.isFinite {
            guard !isLogarithmic || mark.point.y > 0 else { continue }
            let (x, y) = (frame.x(axes.x.position(mark.point.x)), frame.y(axes.y.position(mark.point.y)))
            svg += "<circle class=\"m\" cx=\"\(Plot.number(x))\" cy=\"\(Plot.number(y))\" r=\"5\">"
            svg += "<title>\(Plot.escaped(mark.text))</title></circle>"
        }
        return svg + "</svg>"
    }

    private struct Frame {
        let left: Int
        let right: Int
        let top = 22
        let bottom: Int

        init(width: Int, height: Int, labels: [String]) {
            left = 14 + 7 * min(12, labels.map(\.count).max() ?? 1)
            right = width - 12
            bottom = height - 34
        }

        func x(_ position: Double) -> Double { Double(left) + position * Double(right - left) }
        func y(_ position: Double) -> Double { Double(bottom) - position * Double(bottom - top) }
    }

    private func axes(_ shown: [Envelope.Column]) -> (x: Axis, y: Axis)? {
        guard let xLow = shown.map(\.x).min(), let xHigh = shown.map(\.x).max(),
            let yLow = shown.map(\.low).min(), let yHigh = shown.map(\.high).max()
        else { return nil }
        let tickCount = max(2, height / 35)
        return (
            Axis(
                linear: xLow, xHigh, tickCount: max(2, width / 90),
                hasIntegers: shown.allSatisfy { $0.x == $0.x.rounded() }),
            isLogarithmic
                ? Axis(logarithmic: yLow, yHigh, tickCount: tickCount)
                : Axis(linear: yLow, yHigh, tickCount: tickCount)
        )
    }

    private func grid(_ axes: (x: Axis, y: Axis), _ frame: Frame) -> String {
        var svg = "<g class=\"grid\">"
        for tick in axes.y.ticks {
            let y = Plot.number(frame.y(axes.y.position(tick)))
            svg += "<path d=\"M\(frame.left) \(y)H\(frame.right)\"/>"
            svg += "<text x=\"\(frame.left - 6)\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">"
            svg += "\(axes.y.label(tick))</text>"
        }
        for tick in axes.x.ticks {
            let x = Plot.number(frame.x(axes.x.position(tick)))
            svg += "<path d=\"M\(x) \(frame.bottom)v4\"/>"
            svg +=
                "<text x=\"\(x)\" y=\"\(frame.bottom + 17)\" text-anchor=\"middle\">\(axes.x.label(tick))</text>"
        }
        svg += "<path d=\"M\(frame.left) \(frame.bottom)H\(frame.right)\"/>"
        svg += "<text x=\"2\" y=\"13\">\(Plot.escaped(yLabel))</text>"
        svg +=
            "<text x=\"\(frame.right)\" y=\"\(height - 3)\" text-anchor=\"end\">\(Plot.escaped(xLabel))</text>"
        return svg + "</g>"
    }

    private func draw(_ line: Envelope, _ index: Int, _ axes: (x: Axis, y: Axis), _ frame: Frame) -> String {
        var svg = ""
        for stretch in line.columns.split(whereSeparator: { !isShown($0) }) {
            func place(_ x: Double, _ y: Double) -> String {
                "\(Plot.number(frame.x(axes.x.position(x)))),\(Plot.number(frame.y(axes.y.position(y))))"
            }
            if stretch.contains(where: { $0.low < $0.high }) {
                let outline =
                    stretch.map { place($0.x, $0.high) } + stretch.reversed().map { place($0.x, $0.low) }
                svg += "<polygon class=\"b\(index)\" points=\"\(outline.joined(separator: " "))\"/>"
            }
            let points = stretch.map { place($0.x, $0.mean) }
            svg += "<polyline class=\"s\(index)\" points=\"\(points.joined(separator: " "))\""
            svg += " data-name=\"\(Plot.escaped(line.name))\"/>"
            if points.count == 1, let point = stretch.first {
                let (x, y) = (frame.x(axes.x.position(point.x)), frame.y(axes.y.position(point.mean)))
                svg += "<circle class=\"d\(index)\" cx=\"\(Plot.number(x))\" cy=\"\(Plot.number(y))\" r=\"3\"/>"
            }
        }
        return svg
    }
}
