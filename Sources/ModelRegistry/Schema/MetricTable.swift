import ChunkStore
import GRDB

/// Metrics of versions as rows. NaN is a NULL.
enum MetricTable {
    /// A number that says how good a version is.
    struct Metric: Hashable, Sendable {
        let name: String
        let value: Double
    }

    static func insert(_ metrics: [Metric], version: Int64, _ db: Database) throws {
        let insert = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO metric (version, name, value) VALUES (?, ?, ?)")
        for metric in metrics {
            try insert.execute(arguments: [version, metric.name, metric.value.isNaN ? nil : metric.value])
        }
    }

    static func metrics(_ db: Database, version: Int64) throws -> [Metric] {
        try Row.fetchAll(
            db.cachedStatement(sql: "SELECT name, value FROM metric WHERE version = ? ORDER BY name"),
            arguments: [version]
        ).map { row in
            Metric(name: try row.value("name"), value: try row.optional("value") ?? .nan)
        }
    }
}
