import Foundations
import ModelReg
import Plots
import RegistryJSON

extension PageSite {
    /// Which version is best, and how did it come to that?
    func modelPage(_ address: PageAddress) throws -> Page {
        let name = try address.required("name")
        let below = try address.number("below")
        let versions = try registry.versions(of: name, below: below, limit: PageSite.rowCount)
        let span = try registry.versionSpan(of: name)
        let histories = try registry.metricHistories(of: name)
        let main = MetricView.main(of: histories.mapValues(\.count))
        let chosen = address["metric"].flatMap { histories[$0] == nil ? nil : $0 } ?? main
        var page = Page(
            title: name, crumbs: [link(.models, "Models")], heading: "\(name)",
            answer: try answer(name, span, metric: chosen, histories), body: "",
            data: .api("versions", [("model", name)]))
        if let chosen, let history = histories[chosen] {
            page.body += metricChart(name, chosen, history)
            page.body += metricChips(address, histories.keys.sorted(), chosen)
        }
        page.body += "<h2>Versions</h2>"
        page.body += versionTable(versions, metrics: shownMetrics(versions), compares: span?.first)
        var parts: [HTML] = []
        if let span, versions.count < span.count {
            parts.append("<span class=\"dim\">\(versions.count) of \(span.count) versions</span>")
            if below != nil { parts.append(link(.model(name), "latest")) }
            if let last = versions.last, last.number > span.first {
                parts.append(link(.model(name, below: last.number), "earlier"))
            }
            page.body += "<p class=\"chips\">\(parts)</p>"
        }
        let runs = try registry.runs(of: name)
        if !runs.isEmpty {
            page.body +=
                "<h2>Runs</h2><p>\(link(.runs(name), HTML.count(runs.count, "run"))) made versions of it or tried to; "
            page.body +=
                "the latest is \(link(.run(runs[0].reference), "\(runs[0].name)")), \(runs[0].state.rawValue).</p>"
        }
        page.body += "<p>\(link(.storage(name), "What its versions take on the disk"))</p>"
        return page
    }

    private func answer(
        _ name: String, _ span: (first: Int, last: Int, count: Int)?, metric: String?,
        _ histories: [String: [(number: Int, value: Double)]]
    ) throws -> HTML {
        guard let span else {
            return "All of its versions are deleted; <code>modelreg restore</code> brings them back."
        }
        let aliases = try registry.aliases(of: name).filter { $0.name == "best" }
        var parts: [HTML] = []
        if let metric, let history = histories[metric],
            let best = MetricView.best(history.map(\.value), isCost: MetricView.isCost(metric))
        {
            let (number, value) = history[best]
            let word: HTML = MetricView.isCost(metric) ? "lowest" : "highest"
            parts.append(
                """
                \(link(.version("\(name):v\(number)"), "v\(number)")) has the \(word) \(metric, limit: 80) of \
                \(HTML.count(span.count, "version")): <strong>\(HTML.number(value))</strong>
                """)
            if number != span.first {
                parts.append(
                    link(
                        .diff("\(name):v\(span.first)", "\(name):v\(number)"),
                        "what changed since v\(span.first)"))
            }
        } else {
            parts.append("\(HTML.count(span.count, "version")), without metrics")
            if span.count > 1 {
                parts.append(
                    link(
                        .diff("\(name):v\(span.first)", "\(name):v\(span.last)"),
                        "what changed from v\(span.first) to v\(span.last)"))
            }
        }
        for alias in aliases {
            parts.append("“best” names \(link(.version("\(name):v\(alias.number)"), "v\(alias.number)"))")
        }
        return HTML.joined(parts, by: "; ") + "."
    }

    private func metricChart(_ model: String, _ metric: String, _ history: [(number: Int, value: Double)])
        -> HTML
    {
        let series = Series(
            name: metric, points: history.map { Series.Point(x: Double($0.number), y: $0.value) })
        var plot = InlinePlot([Envelope(series, count: 360)], xLabel: "version", yLabel: shownName(metric))
        if let best = MetricView.best(history.map(\.value), isCost: MetricView.isCost(metric)) {
            plot.marks = [
                (series.points[best], "best: v\(history[best].number), \(NumberText.text(history[best].value))")
            ]
        }
        return HTML.plot(plot, caption: "\(metric) of each version; the ring is the best.")
    }

    func shownName(_ text: String) -> String { printable(text, limit: 60) }

    private func metricChips(_ address: PageAddress, _ names: [String], _ chosen: String) -> HTML {
        guard names.count > 1, !links.isFrozen else { return "" }
        let chips = names.prefix(24).map { name in
            link(address.setting("metric", name), "\(name, limit: 60)", isCurrent: name == chosen)
        }
        return "<div class=\"chips\"><span class=\"dim\">Metric</span>\(chips)</div>"
    }

    /// The name of a run without that of the model that a page is about.
    private func shortRun(_ reference: String, of model: String) -> String {
        reference.hasPrefix(model + "/") ? String(reference.dropFirst(model.count + 1)) : reference
    }

    /// Metrics that get columns of their own.
    func shownMetrics(_ versions: [Version]) -> [String] {
        var counts: [String: Int] = [:]
        for version in versions { for name in version.metrics.keys { counts[name, default: 0] += 1 } }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(4).map(\.key)
    }

    /// - Parameter first: The number of the version to compare others with; `nil` for the parent alone.
    func versionTable(_ versions: [Version], metrics: [String], compares first: Int? = nil) -> HTML {
        let hasRuns = versions.contains { $0.run != nil }
        let hasSteps = versions.contains { $0.step != nil }
        var columns: [(HTML, TableMarkup.Kind)] = [("Version", .short), ("Aliases", .long)]
        columns += metrics.map { ("\($0, limit: 40)", .number) }
        if hasSteps { columns.append(("Step", .number)) }
        columns += [("Saved", .short), ("Size", .number), ("Message", .long)]
        if hasRuns { columns.append(("Run", .long)) }
        columns.append(("Compare", .short))
        var table = TableMarkup("Versions", columns)
        let best = Dictionary(
            uniqueKeysWithValues: metrics.compactMap { name in
                let values = versions.map { $0.metrics[name] ?? .nan }
                return MetricView.best(values, isCost: MetricView.isCost(name)).map { (name, values[$0]) }
            })
        for version in versions {
            var row: [TableMarkup.Cell] = [
                TableMarkup.Cell(link(version: version), value: Double(version.number)),
                TableMarkup.Cell(HTML.tags(version.aliases)),
            ]
            for name in metrics {
                guard let value = version.metrics[name] else {
                    row.append("")
                    continue
                }
                let text = HTML.number(value)
                let html: HTML =
                    !value.isFinite
                    ? "<span class=\"bad\">\(text)</span>"
                    : best[name] == value ? "<strong title=\"best on this page\">\(text)</strong>" : text
                row.append(TableMarkup.Cell(html, value: value))
            }
            if hasSteps { row.append(.count(version.step)) }
            row += [
                "\(Moment.text(version.createdAt))", .bytes(version.byteCount),
                TableMarkup.Cell(HTML.message(version.message)),
            ]
            if hasRuns {
                row.append(
                    TableMarkup.Cell(
                        version.run.map { link(.run($0), "\(shortRun($0, of: version.model))") } ?? ""))
            }
            var compared: [HTML] = []
            if let parent = version.parent {
                let short =
                    parent.hasPrefix(version.model + ":")
                    ? String(parent.dropFirst(version.model.count + 1)) : parent
                compared.append(link(.diff(parent, version.reference), "\(short)"))
            }
            let begin = first.map { "\(version.model):v\($0)" }
            if let first, let begin, first != version.number, begin != version.parent {
                compared.append(link(.diff(begin, version.reference), "v\(first)"))
            }
            row.append(TableMarkup.Cell(HTML.joined(compared, by: ", ")))
            table.add(row)
        }
        return table.html
    }
}
