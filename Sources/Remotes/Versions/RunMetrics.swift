package import Checkpoints

/// Values of a run's metrics: a layer of its manifest, of which there may be several.
///
/// The fields are a list of metrics: name, number of points, steps as differences from the one before, values as bit
/// patterns, and seconds as optional bit patterns. Steps rise.
package struct RunMetrics: Sendable {
    /// A value at a step.
    package struct Point: Sendable {
        package let step: Int
        package let value: Double
        package let seconds: Double?

        package init(step: Int, value: Double, seconds: Double?) {
            self.step = step
            self.value = value
            self.seconds = seconds
        }
    }

    /// One metric, or a part of it.
    package struct Series: Sendable {
        package let name: String
        package var points: [Point]

        package init(name: String, points: [Point]) {
            self.name = name
            self.points = points
        }
    }

    package var series: [Series]

    package init(_ series: [Series] = []) { self.series = series }

    /// Points in one layer, at most.
    package static let maximumPointCount = 250_000
    package static let file = CompressedFields("RR", name: "a list of metrics", maximumByteCount: 64 << 20)

    package var pointCount: Int { series.reduce(0) { $0 + $1.points.count } }

    package var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.list(series) { fields, series in
            fields.text(series.name)
            var last = 0
            fields.list(series.points) { fields, point in
                fields.number(point.step - last)
                last = point.step
                fields.word(point.value.bitPattern)
                fields.optional(point.seconds) { $0.word($1.bitPattern) }
            }
        }
        return RunMetrics.file.encoded(fields)
    }

    /// Reads metrics that may come from anybody.
    package init(decoding bytes: [UInt8]) throws(FieldProblem) {
        series = try RunMetrics.file.decoded(bytes) { reader throws(FieldProblem) in
            try reader.list { reader throws(FieldProblem) in
                let name = try reader.text()
                var last = -1
                // A step, a value and a mark.
                let points = try reader.list(elementByteCount: 10) { reader throws(FieldProblem) in
                    let (step, isTooLarge) = max(last, 0).addingReportingOverflow(try reader.number())
                    guard !isTooLarge, step > last else { throw FieldProblem("a step that is out of order") }
                    last = step
                    return Point(
                        step: step, value: Double(bitPattern: try reader.word()),
                        seconds: try reader.optional { reader throws(FieldProblem) in
                            Double(bitPattern: try reader.word())
                        })
                }
                return Series(name: name, points: points)
            }
        }
        guard pointCount <= RunMetrics.maximumPointCount else {
            throw FieldProblem("a list of more than \(RunMetrics.maximumPointCount) values")
        }
    }
}
