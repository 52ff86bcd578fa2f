import Foundations
import ModelReg
import Plots
import RegistryJSON

/// The history of parameters for people.
enum HistoryText {
    static func lines(_ histories: [ParameterHistory], isExact: Bool) -> [String] {
        if histories.count == 1 {
            return heading(histories[0]) + plot(histories[0]) + table(histories[0], isExact: isExact)
        }
        return summary(histories, isExact: isExact)
    }

    private static func heading(_ history: ParameterHistory) -> [String] {
        let latest = history.entries.last { $0.content != nil }?.content
        return [Style.bold(history.path.shown) + (latest.map { "  \($0.text)" } ?? "")]
    }

    private static func plot(_ history: ParameterHistory) -> [String] {
        let points = history.entries.map {
            Series.Point(x: Double($0.version.number), y: $0.health?.l2Norm ?? .nan)
        }
        guard points.count > 1, points.contains(where: { $0.y.isFinite }) else { return [""] }
        let plot = Plot(series: [Series(name: "", points: points)], title: "norm by version", xLabel: "")
        return [""] + plot.terminalLines(width: 70, height: 4, hasColour: Output.hasColour) + [""]
    }

    private static func table(_ history: ParameterHistory, isExact: Bool) -> [String] {
        let hasTensors = history.entries.contains { $0.health != nil }
        guard hasTensors else { return valueTable(history) }
        var columns: [(String, Table.Alignment)] = [
            ("VERSION", .left), ("SAVED", .left), ("CHANGE", .left), ("NORM", .right), ("BY", .right),
        ]
        if isExact { columns.append(("MOVED", .right)) }
        columns += [
            ("MIN", .right), ("MAX", .right), ("ZEROS", .right), ("NAN", .right), ("INF", .right),
            ("METRICS", .left), ("MESSAGE", .left),
        ]
        var table = Table(columns)
        for entry in history.entries.reversed() {
            let health = entry.health
            var cells = [
                "v\(entry.version.number)", Moment.text(entry.version.createdAt), change(entry),
                NumberText.text(health?.l2Norm), NumberText.change(entry.normChange),
            ]
            if isExact { cells.append(NumberText.text(entry.distance)) }
            cells += [
                NumberText.text(health?.minimum), NumberText.text(health?.maximum), count(health?.zeroCount),
                count(health?.nanCount), count(health?.infinityCount),
                NumberText.metrics(entry.version.metrics),
                message(entry.version),
            ]
            table.add(cells)
        }
        return table.lines
    }

    private static func valueTable(_ history: ParameterHistory) -> [String] {
        var table = Table([
            ("VERSION", .left), ("SAVED", .left), ("CHANGE", .left), ("VALUE", .left), ("METRICS", .left),
            ("MESSAGE", .left),
        ])
        for entry in history.entries.reversed() {
            table.add([
                "v\(entry.version.number)", Moment.text(entry.version.createdAt), change(entry),
                entry.content?.text ?? "", NumberText.metrics(entry.version.metrics), message(entry.version),
            ])
        }
        return table.lines
    }

    /// One line for each path.
    private static func summary(_ histories: [ParameterHistory], isExact: Bool) -> [String] {
        var columns: [(String, Table.Alignment)] = [
            ("PATH", .left), ("LATEST", .left), ("CHANGED", .right), ("LAST", .left), ("NORM", .right),
            ("BY", .right),
        ]
        if isExact { columns.append(("MOVED", .right)) }
        columns += [("NAN", .right), ("INF", .right), ("HISTORY OF THE NORM", .left)]
        var table = Table(columns)
        for history in histories {
            let changes = history.entries.filter { $0.change != .unchanged }
            let norms = history.entries.map { $0.health?.l2Norm }
            let known = norms.compactMap { $0 }
            let latest = history.entries.last
            var overall: Double?
            if let first = known.first, let last = known.last, first != 0 || last == 0 {
                overall = first == last ? 0 : (last - first) / first
            }
            var cells = [
                history.path.shown, latest?.content?.text ?? "removed",
                "\(changes.count) of \(history.entries.count)",
                changes.last.map { "v\($0.version.number)" } ?? "", NumberText.text(latest?.health?.l2Norm),
                NumberText.change(overall),
            ]
            if isExact { cells.append(NumberText.text(history.entries.compactMap(\.distance).max())) }
            cells += [
                count(latest?.health?.nanCount), count(latest?.health?.infinityCount),
                known.isEmpty ? "" : Sparkline.text(norms),
            ]
            table.add(cells)
        }
        return table.lines
    }

    /// Such as `value`, `dtype, shape`, `added`; `=` where it is the same.
    private static func change(_ entry: ParameterHistory.Entry) -> String {
        switch entry.change {
        case .added: "added"
        case .removed: "removed"
        case .unchanged: "="
        case .changed(let differences):
            CheckpointDiff.Difference.allCases.filter(differences.contains).map(\.rawValue)
                .joined(separator: ", ")
        }
    }

    private static func count(_ value: Int?) -> String { value.map { "\($0)" } ?? "" }

    private static func message(_ version: Version) -> String {
        VersionText.firstLine(version.message)
    }
}
