/// A line of a plot with more points than the plot has columns: what the points of each column have in common, so
/// that no extreme is lost.
public struct Envelope: Sendable {
    /// What the legend calls it.
    public let name: String
    /// The columns, from left to right.
    public let columns: [Column]

    /// What the points of a column have in common.
    public struct Column: Hashable, Sendable {
        /// Along the horizontal axis.
        public let x: Double
        /// The least value; not finite where there is a gap.
        public let low: Double
        /// The greatest value.
        public let high: Double
        /// The value that the line is drawn at.
        public let mean: Double

        /// A column.
        public init(x: Double, low: Double, high: Double, mean: Double) {
            self.x = x
            self.low = low
            self.high = high
            self.mean = mean
        }
    }

    /// A line of columns.
    public init(name: String, columns: [Column]) {
        self.name = name
        self.columns = columns
    }

    /// The points of a line in at most `count` stretches of the horizontal axis.
    ///
    /// - Precondition: `x` never falls.
    /// - Complexity: O(points).
    public init(_ series: Series, count: Int) {
        name = series.name
        guard series.points.count > count, let first = series.points.first?.x, let last = series.points.last?.x,
            last > first
        else {
            columns = series.points.map { Column(x: $0.x, low: $0.y, high: $0.y, mean: $0.y) }
            return
        }
        var stretches: [[Series.Point]] = Array(repeating: [], count: max(1, count))
        for point in series.points {
            let place = (point.x - first) / (last - first) * Double(stretches.count)
            stretches[min(stretches.count - 1, max(0, Int(place)))].append(point)
        }
        columns = stretches.filter { !$0.isEmpty }.map { points in
            let finite = points.map(\.y).filter(\.isFinite)
            let x = points.map(\.x).reduce(0, +) / Double(points.count)
            guard let low = finite.min(), let high = finite.max() else {
                return Column(x: x, low: .nan, high: .nan, mean: .nan)
            }
            return Column(
                x: x, low: low, high: high, mean: finite.reduce(0) { $0 + $1 / Double(finite.count) })
        }
    }

    /// The means without their noise, as ``Series/smoothed(_:)`` does; least and greatest values stay.
    public func smoothed(_ weight: Double) -> Envelope {
        let means = Series(name: name, points: columns.map { Series.Point(x: $0.x, y: $0.mean) })
        return Envelope(
            name: name,
            columns: zip(columns, means.smoothed(weight).points).map {
                Column(x: $0.x, low: $0.low, high: $0.high, mean: $1.y)
            })
    }
}
