import ArgumentParser
import Foundations
import Glibc
import ModelReg
import Plots
import RegistryJSON

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show the runs and versions of a model, redrawn as they change.",
        discussion: """
            A plot of one metric or several over the latest runs, the runs, and the latest versions. It is drawn anew when the \
            registry has changed, or the terminal its size. q or Ctrl-C ends it. Where standard output is no terminal, it is \
            printed once.

            EXAMPLES
              modelreg watch mlp
              modelreg watch mlp loss val/loss --interval 0.5
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
    var model: String

    @Argument(
        help: ArgumentHelp(
            "What to plot; the metric that most runs have, if nothing is named.", valueName: "metric"))
    var metrics: [String] = []

    @Option(name: .long, help: ArgumentHelp("How often to look.", valueName: "seconds"))
    var interval: Double = 1

    func validate() throws {
        guard interval >= 0.05, interval <= 3600 else {
            throw ValidationError("--interval takes 0.05 to 3600 seconds, not \(interval)")
        }
    }

    func run() throws {
        let registry = try options.openRegistry()
        let view = WatchView(model: model, metrics: metrics, hasColour: Output.hasColour)
        guard isatty(STDOUT_FILENO) == 1, isatty(STDIN_FILENO) == 1 else {
            Output.lines(try view.lines(registry, columns: 80, rows: .max))
            return
        }
        let screen = try TerminalScreen()
        defer { screen.close() }
        var last: [String] = []
        while true {
            let size = TerminalScreen.size()
            let lines = try view.lines(registry, columns: size.columns, rows: size.rows - 1)
            let shown = lines + [screen.hint]
            if shown != last {
                screen.draw(shown)
                last = shown
            }
            if screen.waitsForEnd(seconds: interval) { return }
        }
    }
}

/// What `watch` shows.
struct WatchView {
    let model: String
    let metrics: [String]
    let hasColour: Bool

    private static let runCount = 6
    /// Points of a line: more than a terminal has columns.
    private static let pointCount = 400

    /// The lines, no more than fit.
    ///
    /// - Throws: `RegistryError`, ``UnknownMetricError``.
    func lines(_ registry: Registry, columns: Int, rows: Int) throws -> [String] {
        let runs = try registry.runs(of: model)
        let versions = try registry.versionRecords(of: model, limit: rows == .max ? 10 : max(1, rows))
        let latest = Array(runs.prefix(WatchView.runCount))
        let running = runs.count { $0.state == .running }
        var lines = [
            "\(printable(model))  \(runs.count) run\(runs.count == 1 ? "" : "s")"
                + (running > 0 ? ", \(running) running" : "")
                + (versions.first.map { "  latest v\($0.version.number)" } ?? "")
        ]
        let series = try self.series(latest, registry)
        if !series.isEmpty {
            let height = rows == .max ? 12 : max(4, min(16, rows / 2 - 4))
            lines += Plot(series: series).terminalLines(
                width: min(columns, 160), height: height, hasColour: hasColour)
        }
        if !latest.isEmpty { lines += [""] + runTable(latest).lines }
        if !versions.isEmpty {
            let room = rows == .max ? versions.count : max(0, rows - lines.count - 2)
            let table = VersionText.table(Array(versions.prefix(room)), showsModel: false, names: [])
            lines += [""] + table.lines
        }
        return Array(lines.prefix(max(1, rows)))
    }

    private func series(_ runs: [RunInfo], _ registry: Registry) throws -> [Series] {
        var counts: [String: Int] = [:]
        for run in runs { for name in run.metrics.keys { counts[name, default: 0] += 1 } }
        for name in metrics where counts[name] == nil && !runs.isEmpty {
            throw UnknownMetricError(
                name: name, suggestion: Suggestion.closest(to: name, among: counts.keys.sorted()))
        }
        let chosen =
            metrics.isEmpty
            ? counts.max { ($0.value, $1.key) < ($1.value, $0.key) }.map { [$0.key] } ?? [] : metrics
        return try chosen.flatMap { name in
            try runs.filter { $0.metrics[name] != nil }.map { run in
                let points = try registry.metricColumns(name, ofRun: run.id, columns: WatchView.pointCount).map
                {
                    Series.Point(x: $0.x, y: $0.mean ?? .nan)
                }
                return Series(name: printable("\(name)  \(run.reference)"), points: points)
            }
        }
    }

    private func runTable(_ runs: [RunInfo]) -> Table {
        var table = Table([
            ("RUN", .left), ("STATE", .left), ("RAN", .right), ("STEP", .right), ("METRICS", .left),
        ])
        for run in runs {
            table.add([
                run.name, run.state.rawValue, NumberText.duration(run.wallSeconds),
                run.lastStep.map { "\($0)" } ?? "",
                NumberText.metrics(run.metrics),
            ])
        }
        return table
    }
}
