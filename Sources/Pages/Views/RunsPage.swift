import Foundations
import ModelReg
import Plots
import RegistryJSON

extension PageSite {
    /// Which run did best, and with which settings?
    func runsPage(_ address: PageAddress) throws -> Page {
        let model = address["model"].flatMap { $0.isEmpty ? nil : $0 }
        let condition = address["where"].flatMap { $0.isEmpty ? nil : $0 }
        let all = try registry.runs(of: model)
        let names = Array(Set(all.flatMap(\.metrics.keys))).sorted()
        var counts: [String: Int] = [:]
        for run in all { for name in run.metrics.keys { counts[name, default: 0] += 1 } }
        let metric = address["metric"].flatMap { names.contains($0) ? $0 : nil } ?? MetricView.main(of: counts)
        var failure: HTML = ""
        var found = all
        do {
            if let condition {
                let expression = try QueryExpression(parsing: condition)
                try expression.requireNames(in: expression.names, functions: [])
                found = try all.filter { try expression.holds(in: $0) }
            }
            if let key = address["sort"], !key.isEmpty {
                found = try SortKey.sorted(found, by: [SortKey(parsing: key)])
            }
        } catch {
            failure = "<p class=\"bad\">\("\(error)")</p>"
        }
        let start = min(try address.number("from") ?? 0, max(0, found.count - 1))
        let shown = Array(found.dropFirst(start).prefix(PageSite.rowCount))
        let differing = address["all"] != "1"
        var page = Page(
            title: model.map { "Runs of \($0)" } ?? "Runs", crumbs: model.map { crumbs($0) } ?? [],
            heading: model.map { "Runs of \($0)" } ?? "Runs",
            answer: answer(found, all, metric), body: failure, data: .api("runs", [("model", model)]))
        guard !all.isEmpty else {
            page.body += "<p><code>modelreg run start MODEL NAME</code>, or the library, begins one.</p>"
            return page
        }
        page.body += filterForm(address, model)
        let chosen = try chosenRuns(address, shown, metric)
        if let metric {
            page.body += try chart(chosen, metric, address)
            page.body += chips(address, names, metric)
        }
        page.body += runTable(shown, chosen, metric: metric, differing: differing, address)
        page.body += pager(address, start: start, shown: shown.count, of: found.count)
        return page
    }

    private func answer(_ found: [RunInfo], _ all: [RunInfo], _ metric: String?) -> HTML {
        guard !all.isEmpty else { return "There is no run yet." }
        var parts: [HTML] = []
        let running = found.count { $0.state == .running }
        let failed = found.count { $0.state == .failed || $0.state == .killed }
        var said: HTML =
            found.count == all.count
            ? HTML.count(all.count, "run") : "\(found.count) of \(HTML.count(all.count, "run"))"
        if running > 0 { said += ", \(running) running" }
        if failed > 0 { said += ", \(failed) failed or killed" }
        parts.append(said)
        if let metric,
            let best = MetricView.best(
                found.map { $0.metrics[metric] ?? .nan }, isCost: MetricView.isCost(metric))
        {
            let run = found[best]
            parts.append(
                "\(link(.run(run.reference), "\(run.reference)")) has the \(MetricView.isCost(metric) ? "lowest" : "highest") last \(metric, limit: 80): <strong>\(HTML.number(run.metrics[metric] ?? .nan))</strong>"
            )
        }
        return HTML.joined(parts, by: "; ") + "."
    }

    private func filterForm(_ address: PageAddress, _ model: String?) -> HTML {
        guard !links.isFrozen else { return "" }
        let hidden = ["model", "metric", "sort", "all", "log", "x", "smooth"].compactMap { name in
            address[name].map {
                "<input type=\"hidden\" name=\"\(name)\" value=\"\($0, limit: .max)\">" as HTML
            }
        }
        return """
            <form action="/runs" method="get" role="search">\(hidden)<label for="where" class="dim">Where</label>\
            <input type="text" id="where" name="where" value="\(address["where"] ?? "", limit: 2000)" \
            placeholder="accuracy &gt; 0.97 and lr &lt;= 1e-3" spellcheck="false" autocomplete="off"><button>Filter</button></form>
            """
    }

    /// Runs that a chart can tell apart.
    private static let chartLimit = InlinePlot.classCount

    private func chosenRuns(_ address: PageAddress, _ shown: [RunInfo], _ metric: String?) throws -> [RunInfo] {
        let wanted = address.values(of: "run")
        if !wanted.isEmpty { return try wanted.prefix(PageSite.chartLimit).map { try registry.runInfo($0) } }
        return Array(
            shown.filter { run in metric.map { run.metrics[$0] != nil } ?? false }.prefix(PageSite.chartLimit))
    }

    // MARK: Charts

    private func chart(_ runs: [RunInfo], _ metric: String, _ address: PageAddress) throws -> HTML {
        guard !runs.isEmpty else { return "" }
        let usesTime = address["x"] == "time"
        let isLogarithmic = address["log"] == "1"
        let smoothing = try smoothing(address)
        let lines = try runs.map { try envelope($0, metric, usesTime: usesTime, smoothing: smoothing) }
        let plot = InlinePlot(
            lines, xLabel: usesTime ? "seconds of wall time" : "step", yLabel: shownName(metric),
            isLogarithmic: isLogarithmic)
        let legend = HTML.legend(runs.map { link(.run($0.reference), "\($0.reference, limit: 80)") })
        let band: HTML =
            lines.contains { $0.columns.contains { $0.low < $0.high } }
            ? " The band holds every point; the line is the mean." : ""
        return HTML.plot(
            plot, caption: "\(metric) of \(runs.count == 1 ? "one run" : "\(runs.count) runs").\(band)")
            + legend
            + chartOptions(address, usesTime, isLogarithmic, smoothing)
    }

    func smoothing(_ address: PageAddress) throws -> Double {
        guard let text = address["smooth"], !text.isEmpty else { return 0 }
        guard let value = Double(text), (0..<1).contains(value) else {
            throw PageError.invalid("smooth takes 0 up to but not 1")
        }
        return value
    }

    /// A metric of a run in as many columns as a chart has room for.
    func envelope(_ run: RunInfo, _ metric: String, usesTime: Bool, smoothing: Double, columns: Int = 300)
        throws -> Envelope
    {
        let columns = try registry.metricColumns(metric, ofRun: run.id, columns: columns, usesTime: usesTime)
            .map {
                Envelope.Column(x: $0.x, low: $0.low ?? .nan, high: $0.high ?? .nan, mean: $0.mean ?? .nan)
            }
        let line = Envelope(name: printable(run.reference, limit: 80), columns: columns)
        return smoothing > 0 ? line.smoothed(smoothing) : line
    }

    func chartOptions(_ address: PageAddress, _ usesTime: Bool, _ isLogarithmic: Bool, _ smoothing: Double)
        -> HTML
    {
        guard !links.isFrozen else { return "" }
        let parts: [HTML] = [
            "<span class=\"dim\">Across</span>",
            link(address.setting("x", nil), "steps", isCurrent: !usesTime),
            link(address.setting("x", "time"), "time", isCurrent: usesTime),
            "<span class=\"dim\">Scale</span>",
            link(address.setting("log", nil), "linear", isCurrent: !isLogarithmic),
            link(address.setting("log", "1"), "logarithmic", isCurrent: isLogarithmic),
            "<span class=\"dim\">Smoothing</span>",
            link(address.setting("smooth", nil), "none", isCurrent: smoothing == 0),
            link(address.setting("smooth", "0.6"), "0.6", isCurrent: smoothing == 0.6),
            link(address.setting("smooth", "0.9"), "0.9", isCurrent: smoothing == 0.9),
            link(address.setting("smooth", "0.99"), "0.99", isCurrent: smoothing == 0.99),
        ]
        return "<div class=\"chips\">\(parts)</div>"
    }

    private func chips(_ address: PageAddress, _ names: [String], _ metric: String) -> HTML {
        guard names.count > 1, !links.isFrozen else { return "" }
        let chips = names.prefix(24).map { name in
            link(address.setting("metric", name), "\(name, limit: 60)", isCurrent: name == metric)
        }
        return "<div class=\"chips\"><span class=\"dim\">Metric</span>\(chips)</div>"
    }

    // MARK: Table

    private func runTable(
        _ runs: [RunInfo], _ chosen: [RunInfo], metric: String?, differing: Bool, _ address: PageAddress
    ) -> HTML {
        guard !runs.isEmpty else { return "<p>No run fulfils the condition.</p>" }
        var counts: [String: Int] = [:]
        for run in runs { for name in run.metrics.keys { counts[name, default: 0] += 1 } }
        var metrics = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        if let metric { metrics.removeAll { $0 == metric } }
        metrics = (metric.map { [$0] } ?? []) + metrics.prefix(3)
        var settings: [String] = []
        var seen: Set<String> = []
        for run in runs {
            for key in run.attributes.keys where seen.insert(key).inserted { settings.append(key) }
        }
        let different = settings.filter { key in Set(runs.map { $0.attributes[key]?.json }).count > 1 }
        let hidden = settings.count - different.count
        let shown = Array((differing && runs.count > 1 ? different : settings).prefix(PageSite.settingCount))
        var columns: [(HTML, TableMarkup.Kind)] = [("Run", .long), ("State", .short)]
        columns += metrics.map { (sortLink(address, $0), .number) }
        columns += [(sortLink(address, "step"), .number)]
        columns += shown.map { ("\($0, limit: 40)", .number) }
        columns += [
            ("Started", .short), (sortLink(address, "wall_seconds", "Ran"), .number), ("Versions", .number),
        ]
        var table = TableMarkup("Runs", columns)
        let best = metric.flatMap { name in
            MetricView.best(runs.map { $0.metrics[name] ?? .nan }, isCost: MetricView.isCost(name)).map {
                runs[$0].id
            }
        }
        for run in runs {
            var row: [TableMarkup.Cell] = [
                TableMarkup.Cell(link(.run(run.reference), "\(run.reference)")),
                TableMarkup.Cell(stateText(run.state)),
            ]
            for (index, name) in metrics.enumerated() {
                let text: HTML? =
                    index == 0 && run.id == best
                    ? run.metrics[name].map {
                        "<strong title=\"best on this page\">\(HTML.number($0))</strong>"
                    } : nil
                row.append(
                    text.map { TableMarkup.Cell($0, value: run.metrics[name]) }
                        ?? run.metrics[name].map {
                            TableMarkup.Cell(
                                $0.isFinite ? HTML.number($0) : "<span class=\"bad\">\(HTML.number($0))</span>",
                                value: $0)
                        } ?? "")
            }
            row.append(.count(run.lastStep))
            for key in shown {
                let value = run.attributes[key]
                row.append(
                    TableMarkup.Cell(
                        "\(value?.text ?? value?.json ?? "", limit: 60)",
                        value: value.flatMap { Double($0.json) }))
            }
            row += [
                "\(Moment.text(run.startedAt))",
                TableMarkup.Cell("\(NumberText.duration(run.wallSeconds))", value: run.wallSeconds),
                .count(run.versionCount),
            ]
            table.add(row)
        }
        var note: HTML = ""
        if runs.count > 1, hidden > 0, !links.isFrozen {
            note =
                differing
                ? "<p class=\"dim\">\(HTML.count(hidden, "setting")) the same in all of these runs: \(link(address.setting("all", "1"), "show all"))</p>"
                : "<p class=\"dim\">\(link(address.setting("all", nil), "show only settings that differ"))</p>"
        }
        return table.html + note
    }

    /// Settings that get a column.
    private static let settingCount = 12

    private func sortLink(_ address: PageAddress, _ name: String, _ title: String? = nil) -> HTML {
        guard !links.isFrozen else { return "\(title ?? name, limit: 40)" }
        // Names of all kinds: a quotation keeps them one name.
        let key = name.contains("`") ? nil : "`\(name)`"
        guard let key else { return "\(title ?? name, limit: 40)" }
        let next = address["sort"] == "-\(key)" ? key : "-\(key)"
        return link(address.setting("sort", next).setting("from", nil), "\(title ?? name, limit: 40)")
    }

    func stateText(_ state: RunState) -> HTML {
        switch state {
        case .running: "<strong>running</strong>"
        case .finished: "finished"
        case .failed, .killed: "<span class=\"bad\">\(state.rawValue)</span>"
        }
    }
}
