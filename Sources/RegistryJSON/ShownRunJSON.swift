package import ModelReg

/// A run with everything about it, as JSON shows it.
package struct ShownRunJSON: Encodable {
    package struct Attachment: Encodable {
        let name: String
        let byteCount: Int

        package init(name: String, byteCount: Int) {
            self.name = name
            self.byteCount = byteCount
        }
    }

    package struct Metric: Encodable {
        package struct Point: Encodable {
            let step: Int
            let value: Double?

            init(_ point: MetricPoint) {
                step = point.step
                value = point.value.isFinite ? point.value : nil
            }
        }

        let name: String
        let count: Int
        let last: Point
        let minimum: Point?
        let maximum: Point?

        package init(_ metric: MetricSummary) {
            name = metric.name
            count = metric.count
            last = Point(metric.last)
            minimum = metric.minimum.map(Point.init)
            maximum = metric.maximum.map(Point.init)
        }
    }

    let run: RunJSON
    let environment: EnvironmentJSON?
    let notes: [NoteJSON]
    let attachments: [Attachment]
    let versions: [VersionJSON]
    let metrics: [Metric]

    package init(
        run: RunJSON, environment: EnvironmentJSON?, notes: [NoteJSON], attachments: [Attachment],
        versions: [VersionJSON], metrics: [Metric]
    ) {
        self.run = run
        self.environment = environment
        self.notes = notes
        self.attachments = attachments
        self.versions = versions
        self.metrics = metrics
    }
}

extension ShownRunJSON {
    /// A run of a registry.
    ///
    /// - Throws: `RegistryError`.
    package init(of info: RunInfo, in registry: Registry) throws {
        self.init(
            run: RunJSON(info), environment: try registry.environment(ofRun: info.id).map(EnvironmentJSON.init),
            notes: try registry.notes(ofRun: info.id).map(NoteJSON.init),
            attachments: try registry.attachments(ofRun: info.id).map {
                Attachment(name: $0.name, byteCount: $0.byteCount)
            },
            versions: try registry.versions(inRun: info.id).map { VersionJSON($0) },
            metrics: try registry.metricSummaries(ofRun: info.id).map(Metric.init))
    }
}
