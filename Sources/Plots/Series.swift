/// A line of a plot.
public struct Series: Sendable {
    /// What the legend calls it.
    public let name: String
    /// Its points, in the order they are joined. Where a value is not finite, the line has a gap.
    public let points: [Point]

    /// A place in a plot.
    public struct Point: Hashable, Sendable {
        /// Along the horizontal axis.
        public let x: Double
        /// Along the vertical axis.
        public let y: Double

        /// A place.
        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// A line.
    public init(name: String, points: [Point]) {
        self.name = name
        self.points = points
    }

    /// The line with its noise taken out: an exponential moving average, corrected for its start as Adam's moments are
    /// (Kingma & Ba 2015), so that it begins at the first value. Values that are not finite stay, and are passed over.
    ///
    /// - Parameter weight: Of what came before, 0 (no change) up to but not including 1.
    public func smoothed(_ weight: Double) -> Series {
        precondition((0..<1).contains(weight), "weight \(weight) not in 0..<1")
        guard weight > 0 else { return self }
        var average = 0.0
        var mass = 0.0
        return Series(
            name: name,
            points: points.map { point in
                guard point.y.isFinite else { return point }
                average = weight * average + (1 - weight) * point.y
                mass = weight * mass + (1 - weight)
                return Point(x: point.x, y: average / mass)
            })
    }
}

/// Lines, and how they are shown.
public struct Plot: Sendable {
    /// The lines.
    public var series: [Series]
    /// What stands above; nothing if empty.
    public var title: String
    /// What the horizontal axis counts.
    public var xLabel: String
    /// Whether the vertical axis is logarithmic: values of zero and less are gaps then.
    public var isLogarithmic: Bool

    /// A plot.
    public init(series: [Series], title: String = "", xLabel: String = "step", isLogarithmic: Bool = false) {
        self.series = series
        self.title = title
        self.xLabel = xLabel
        self.isLogarithmic = isLogarithmic
    }

    /// Whether a point can be shown.
    func isShown(_ point: Series.Point) -> Bool {
        point.x.isFinite && point.y.isFinite && (!isLogarithmic || point.y > 0)
    }

    /// The points that can be shown in unbroken stretches.
    func stretches(of series: Series) -> [[Series.Point]] {
        var stretches: [[Series.Point]] = [[]]
        for point in series.points {
            if isShown(point) {
                stretches[stretches.count - 1].append(point)
            } else if !(stretches.last?.isEmpty ?? true) {
                stretches.append([])
            }
        }
        return stretches.filter { !$0.isEmpty }
    }

    /// The axes that fit all that can be shown; `nil` where there is nothing.
    func axes(xTickCount: Int, yTickCount: Int) -> (x: Axis, y: Axis)? {
        let points = series.flatMap(\.points).filter(isShown)
        guard let first = points.first else { return nil }
        var (xLow, xHigh, yLow, yHigh) = (first.x, first.x, first.y, first.y)
        for point in points {
            xLow = min(xLow, point.x)
            xHigh = max(xHigh, point.x)
            yLow = min(yLow, point.y)
            yHigh = max(yHigh, point.y)
        }
        return (
            Axis(
                linear: xLow, xHigh, tickCount: xTickCount,
                hasIntegers: points.allSatisfy { $0.x == $0.x.rounded() }),
            isLogarithmic
                ? Axis(logarithmic: yLow, yHigh, tickCount: yTickCount)
                : Axis(linear: yLow, yHigh, tickCount: yTickCount)
        )
    }
}
