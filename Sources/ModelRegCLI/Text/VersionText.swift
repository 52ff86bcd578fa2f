import Foundations
import ModelReg
import RegistryJSON

/// Versions for people and spreadsheets.
enum VersionText {
    /// A table; columns for steps, runs, facts and health only where there is something to say.
    ///
    /// - Parameter names: What was asked for: facts of these names are shown.
    static func table(_ records: [VersionRecord], showsModel: Bool, names: [String]) -> Table {
        let hasStep = records.contains { $0.version.step != nil }
        let hasRun = records.contains { $0.version.run != nil }
        let hasHealth = records.contains { $0.attributes[HealthGate.attribute] != nil }
        let facts = names.filter { name in
            records.contains { $0.version.metrics[name] == nil && $0.attributes[name] != nil }
        }
        var columns: [(String, Table.Alignment)] = [
            ("VERSION", .left), ("SAVED", .left), ("SIZE", .right), ("CONTENT", .left), ("ALIASES", .left),
        ]
        if hasStep { columns.append(("STEP", .right)) }
        if hasRun { columns.append(("RUN", .left)) }
        columns.append(("METRICS", .left))
        if !facts.isEmpty { columns.append(("SET", .left)) }
        if hasHealth { columns.append(("HEALTH", .left)) }
        columns.append(("MESSAGE", .left))
        var table = Table(columns)
        for record in records {
            let version = record.version
            var row = [
                showsModel ? version.reference : "v\(version.number)", Moment.text(version.createdAt),
                ByteCount.text(version.byteCount), version.contentID.short,
                version.aliases.joined(separator: ", "),
            ]
            if hasStep { row.append(version.step.map { "\($0)" } ?? "") }
            if hasRun { row.append(version.run ?? "") }
            row.append(NumberText.metrics(version.metrics))
            if !facts.isEmpty {
                row.append(
                    facts.compactMap { name in record.attributes[name].map { "\(name)=\($0.json)" } }.joined(
                        separator: " "))
            }
            if hasHealth { row.append(record.attributes[HealthGate.attribute] == nil ? "" : "unhealthy") }
            row.append(firstLine(version.message))
            table.add(row)
        }
        return table
    }

    static func firstLine(_ text: String) -> String { text.split(separator: "\n").first.map(String.init) ?? "" }

    /// A column for each metric and fact that any version has, named as MLflow does.
    static func csv(_ records: [VersionRecord]) -> CSVTable {
        let metrics = Set(records.flatMap { $0.version.metrics.keys }).sorted()
        var facts: OrderedSet<String> = []
        for record in records { facts.formUnion(record.attributes.keys) }
        var columns = [
            "model", "version", "created_at", "content_id", "aliases", "run", "step", "message", "byte_count",
            "tensor_count",
        ]
        columns += metrics.map { "metrics.\($0)" }
        columns += facts.map { "params.\($0)" }
        var table = CSVTable(columns)
        for record in records {
            let version = record.version
            var row: [String] = [
                version.model, "\(version.number)", Moment.exact(version.createdAt),
                version.contentID.description,
            ]
            row += [version.aliases.joined(separator: " "), version.run ?? ""]
            row += [version.step.map { "\($0)" } ?? "", version.message]
            row += ["\(version.byteCount)", "\(version.tensorCount)"]
            row += metrics.map { name in version.metrics[name].map { "\($0)" } ?? "" }
            row += facts.map { name in record.attributes[name].map { $0.text ?? $0.json } ?? "" }
            table.add(row)
        }
        return table
    }
}
