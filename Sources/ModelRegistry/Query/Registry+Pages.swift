package import Checkpoints
import ChunkStore
import GRDB

// What pages ask for: a stretch of something long, each in one short transaction.
extension Registry {
    /// The versions of a model below a number, latest first.
    ///
    /// - Parameter number: `nil` for the latest.
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    /// - Complexity: O(versions returned).
    package func versions(of model: String, below number: Int?, limit: Int) throws -> [Version] {
        try read { db in
            try VersionTable.fetch(
                db, where: "version.model = ? AND version.deleted_at IS NULL AND version.number < ?",
                arguments: [try VersionTable.modelID(db, model), number ?? .max], limit: limit)
        }
    }

    /// The numbers of the oldest and latest living version, and how many there are; `nil` where there is none.
    package func versionSpan(of model: String) throws -> (first: Int, last: Int, count: Int)? {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT min(number) AS first, max(number) AS last, count(*) AS count FROM version
                    WHERE model = ? AND deleted_at IS NULL
                    """,
                arguments: [try VersionTable.modelID(db, model)])
            guard let row, let first: Int = try row.optional("first"), let last: Int = try row.optional("last")
            else { return nil }
            return (first, last, try row.value("count"))
        }
    }

    /// The metrics of a model's versions over their numbers, oldest first; NaN is kept.
    ///
    /// - Complexity: O(metrics of all versions).
    package func metricHistories(of model: String) throws -> [String: [(number: Int, value: Double)]] {
        try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT version.number, metric.name, metric.value FROM version
                    JOIN metric ON metric.version = version.id
                    WHERE version.model = ? AND version.deleted_at IS NULL ORDER BY version.number
                    """,
                arguments: [try VersionTable.modelID(db, model)])
            var histories: [String: [(number: Int, value: Double)]] = [:]
            while let row = try rows.next() {
                histories[try row.value("name"), default: []].append(
                    (try row.value("number"), try row.optional("value") ?? .nan))
            }
            return histories
        }
    }

    /// The history of some leaves, up to a version.
    ///
    /// - Parameters:
    ///   - number: The last version; `nil` for the latest.
    ///   - limit: Versions, at most.
    ///   - leafCount: How many leaves versions have, about.
    /// - Complexity: O(versions · paths).
    package func histories(
        of model: String, paths: [CheckpointPath], through number: Int? = nil, limit: Int, leafCount: Int
    ) throws -> [ParameterHistory] {
        guard !paths.isEmpty else { return [] }
        return try read { db in
            let versions = try VersionTable.fetch(
                db, where: "version.model = ? AND version.deleted_at IS NULL AND version.number <= ?",
                arguments: [try VersionTable.modelID(db, model), number ?? .max], limit: limit)
            var query = try HistoryQuery(db, paths, leafCount: leafCount)
            return zip(paths, try query.histories(versions.reversed())).map {
                ParameterHistory(path: $0, entries: $1)
            }
        }
    }

    /// A stretch of a run's metric: what its points have in common with a column of a picture.
    package struct MetricColumn: Hashable, Sendable {
        /// The mean step or second of its points.
        package let x: Double
        /// The least, greatest and mean value that is finite; `nil` where there is none.
        package let low: Double?
        package let high: Double?
        package let mean: Double?
        /// Points that are finite, and those that are not.
        package let finiteCount: Int
        package let otherCount: Int
    }

    /// A metric in at most `columns` stretches, so that no extreme is lost: found by the database, whatever the length.
    ///
    /// - Parameter usesTime: Whether stretches are of wall time, and not of steps.
    /// - Complexity: O(values).
    package func metricColumns(_ name: String, ofRun id: RunID, columns: Int, usesTime: Bool = false) throws
        -> [MetricColumn]
    {
        let x = usesTime ? "seconds" : "step"
        return try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    WITH span AS (SELECT (SELECT min(\(x)) FROM run_metric WHERE run = ?1 AND name = ?2) AS low,
                                         (SELECT max(\(x)) FROM run_metric WHERE run = ?1 AND name = ?2) AS high)
                    SELECT avg(\(x)) AS x, min(value) FILTER (WHERE abs(value) <= 1.7976931348623157e308) AS low,
                           max(value) FILTER (WHERE abs(value) <= 1.7976931348623157e308) AS high,
                           avg(value) FILTER (WHERE abs(value) <= 1.7976931348623157e308) AS mean,
                           count(*) FILTER (WHERE abs(value) <= 1.7976931348623157e308) AS finite, count(*) AS count
                    FROM run_metric, span WHERE run = ?1 AND name = ?2 AND \(x) IS NOT NULL
                    GROUP BY CAST(iif(span.high > span.low, (\(x) - span.low) * 1.0 / (span.high - span.low), 0) * ?3 AS INTEGER)
                    ORDER BY 1
                    """,
                arguments: [id.rowID, name, max(1, columns - 1)])
            var result: [MetricColumn] = []
            while let row = try rows.next() {
                let finite: Int = try row.value("finite")
                result.append(
                    MetricColumn(
                        x: try row.value("x"), low: try row.optional("low"), high: try row.optional("high"),
                        mean: try row.optional("mean"), finiteCount: finite,
                        otherCount: try row.value("count", as: Int.self) - finite))
            }
            return result
        }
    }
}
