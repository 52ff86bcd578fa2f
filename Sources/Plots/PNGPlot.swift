extension Plot {
    /// The plot as a PNG file, laid out as ``svg(width:height:)`` and twice as many pixels each way.
    ///
    /// - Complexity: O(points · pixels that a line takes).
    public func png(width: Int = 800, height: Int = 480) -> [UInt8] {
        let scale = 2
        let frame = Frame(width: width, height: height, title: title, legendCount: legend.count)
        var image = RasterImage(width: width * scale, height: Int(frame.height) * scale)
        func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ width: Double, _ colour: UInt32) {
            let factor = Double(scale)
            image.polyline(
                [(x1 * factor, y1 * factor), (x2 * factor, y2 * factor)], width: width * factor, colour)
        }
        /// Text around or beside a place; `anchor` is 0 for its left end there, 1/2 for its middle, 1 for its right end.
        func text(_ text: String, _ x: Double, _ y: Double, anchor: Double = 0) {
            let width = Double(RasterImage.textWidth(text, scale: scale))
            image.text(
                text, x: Int(x * Double(scale) - width * anchor), y: Int(y * Double(scale)) - 7 * scale,
                scale: scale,
                0x333333)
        }
        if !title.isEmpty { text(title, frame.width / 2, 22, anchor: 0.5) }
        if let axes = axes(xTickCount: 8, yTickCount: 6) {
            for tick in axes.y.ticks {
                let y = frame.y(axes.y.position(tick))
                line(frame.left, y, frame.right, y, 0.5, 0xE0E0E0)
                text(axes.y.label(tick), frame.left - 8, y + 4, anchor: 1)
            }
            for tick in axes.x.ticks {
                let x = frame.x(axes.x.position(tick))
                line(x, frame.top, x, frame.bottom, 0.5, 0xF0F0F0)
                text(axes.x.label(tick), x, frame.bottom + 16, anchor: 0.5)
            }
            for (x1, y1, x2, y2) in [
                (frame.left, frame.top, frame.right, frame.top),
                (frame.left, frame.bottom, frame.right, frame.bottom),
                (frame.left, frame.top, frame.left, frame.bottom),
                (frame.right, frame.top, frame.right, frame.bottom),
            ] { line(x1, y1, x2, y2, 0.5, 0x808080) }
            text(xLabel, (frame.left + frame.right) / 2, frame.bottom + 34, anchor: 0.5)
            for (index, series) in series.enumerated() {
                let colour = Plot.rgb(Plot.palette[index % Plot.palette.count])
                for stretch in stretches(of: series) {
                    let places = stretch.map { point in
                        (
                            x: frame.x(axes.x.position(point.x)) * Double(scale),
                            y: frame.y(axes.y.position(point.y)) * Double(scale)
                        )
                    }
                    image.polyline(places, width: (places.count == 1 ? 6 : 1.5) * Double(scale), colour)
                }
            }
        }
        for (index, entry) in legend.enumerated() {
            let y = frame.bottom + 50 + Double(index) * 18
            line(frame.left, y - 4, frame.left + 24, y - 4, 2, Plot.rgb(entry.colour))
            text(entry.name, frame.left + 32, y)
        }
        return image.png
    }

    /// The number of `#0072b2`.
    private static func rgb(_ colour: String) -> UInt32 { UInt32(colour.dropFirst(), radix: 16) ?? 0 }
}
