extension Plot {
    /// Colours of lines: those of Okabe & Ito 2008, told apart by colour-blind eyes, black left out.
    static let palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"]

    /// Where things are in a picture.
    struct Frame {
        let width: Double
        let height: Double
        let left: Double
        let right: Double
        let top: Double
        let bottom: Double

        init(width: Int, height: Int, title: String, legendCount: Int) {
            left = 64
            right = Double(width) - 20
            top = title.isEmpty ? 16 : 36
            let legendHeight = Double(legendCount) * 18
            // A legend takes half of the plot's room at most; a longer one makes the picture longer.
            let room = Double(height) - 44 - top
            bottom = top + max(room - legendHeight, room / 2)
            self.width = Double(width)
            self.height = (bottom + 44 + legendHeight).rounded(.up)
        }

        func x(_ position: Double) -> Double { left + position * (right - left) }
        func y(_ position: Double) -> Double { bottom - position * (bottom - top) }
    }

    /// Lines that the legend has.
    var legend: [(name: String, colour: String)] {
        guard series.count > 1 || series.first?.name.isEmpty == false else { return [] }
        return series.enumerated().map { ($1.name, Plot.palette[$0 % Plot.palette.count]) }
    }

    /// The plot as a picture of SVG 1.1; higher than asked for where the legend is long.
    public func svg(width: Int = 800, height: Int = 480) -> String {
        let frame = Frame(width: width, height: height, title: title, legendCount: legend.count)
        let height = Int(frame.height)
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>

            """
        if !title.isEmpty {
            svg +=
                "<text x=\"\(Plot.number(frame.width / 2))\" y=\"22\" text-anchor=\"middle\" font-size=\"14\">"
            svg += "\(Plot.escaped(title))</text>\n"
        }
        if let axes = axes(xTickCount: 8, yTickCount: 6) {
            svg += grid(axes, frame)
            for (index, series) in series.enumerated() {
                let colour = Plot.palette[index % Plot.palette.count]
                for stretch in stretches(of: series) { svg += line(stretch, axes, frame, colour) }
            }
        }
        for (index, line) in legend.enumerated() {
            let y = frame.bottom + 50 + Double(index) * 18
            svg += "<line x1=\"\(Plot.number(frame.left))\" y1=\"\(Plot.number(y - 4))\" "
            svg +=
                "x2=\"\(Plot.number(frame.left + 24))\" y2=\"\(Plot.number(y - 4))\" stroke=\"\(line.colour)\" "
            svg += "stroke-width=\"2\"/>\n"
            svg +=
                "<text x=\"\(Plot.number(frame.left + 32))\" y=\"\(Plot.number(y))\">\(Plot.escaped(line.name))</text>\n"
        }
        return svg + "</svg>\n"
    }

    private func grid(_ axes: (x: Axis, y: Axis), _ frame: Frame) -> String {
        var svg = ""
        for tick in axes.y.ticks {
            let y = Plot.number(frame.y(axes.y.position(tick)))
            svg +=
                "<line x1=\"\(Plot.number(frame.left))\" y1=\"\(y)\" x2=\"\(Plot.number(frame.right))\" y2=\"\(y)\" stroke=\"#e0e0e0\"/>\n"
            svg +=
                "<text x=\"\(Plot.number(frame.left - 8))\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">\(axes.y.label(tick))</text>\n"
        }
        for tick in axes.x.ticks {
            let x = Plot.number(frame.x(axes.x.position(tick)))
            svg +=
                "<line x1=\"\(x)\" y1=\"\(Plot.number(frame.top))\" x2=\"\(x)\" y2=\"\(Plot.number(frame.bottom))\" stroke=\"#f0f0f0\"/>\n"
            svg +=
                "<text x=\"\(x)\" y=\"\(Plot.number(frame.bottom + 16))\" text-anchor=\"middle\">\(axes.x.label(tick))</text>\n"
        }
        svg += "<rect x=\"\(Plot.number(frame.left))\" y=\"\(Plot.number(frame.top))\" "
        svg +=
            "width=\"\(Plot.number(frame.right - frame.left))\" height=\"\(Plot.number(frame.bottom - frame.top))\" "
        svg += "fill=\"none\" stroke=\"#808080\"/>\n"
        svg +=
            "<text x=\"\(Plot.number((frame.left + frame.right) / 2))\" y=\"\(Plot.number(frame.bottom + 34))\" "
        svg += "text-anchor=\"middle\">\(Plot.escaped(xLabel))</text>\n"
        return svg
    }

    private func line(
        _ stretch: [Series.Point], _ axes: (x: Axis, y: Axis), _ frame: Frame, _ colour: String
    ) -> String {
        let places = stretch.map { (frame.x(axes.x.position($0.x)), frame.y(axes.y.position($0.y))) }
        if places.count == 1, let (x, y) = places.first {
            return "<circle cx=\"\(Plot.number(x))\" cy=\"\(Plot.number(y))\" r=\"3\" fill=\"\(colour)\"/>\n"
        }
        let points = places.map { "\(Plot.number($0)),\(Plot.number($1))" }.joined(separator: " ")
        return "<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.5\" "
            + "stroke-linejoin=\"round\"/>\n"
    }

    /// At most two decimals.
    static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let text = "\(hundredths / 100)"
        guard hundredths % 100 != 0 else { return text }
        let rest = abs(hundredths % 100)
        return (hundredths < 0 && hundredths > -100 ? "-" : "") + text + "."
            + (rest < 10 ? "0\(rest)" : "\(rest)")
    }

    /// Text as it may stand in XML; control characters, which it cannot hold, become a box.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case _
            where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0xFFFE
                || scalar.value == 0xFFFF:
                escaped += "\u{25A1}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
