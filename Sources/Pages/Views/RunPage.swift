import Foundations
import ModelReg
import Plots
import RegistryJSON

extension PageSite {
    /// How did a run go, with which settings, and what came of it?
    func runPage(_ address: PageAddress) throws -> Page {
        let run = try registry.runInfo(try address.required("ref"))
        let usesTime = address["x"] == "time"
        let isLogarithmic = address["log"] == "1"
        let smoothing = try smoothing(address)
        var page = Page(
            title: run.reference,
            crumbs: (run.model.map { crumbs($0) } ?? []) + [link(.runs(run.model), "Runs")],
            heading: "\(run.reference) <small>\(stateText(run.state))</small>", answer: answer(run), body: "",
            data: .api("run", [("ref", run.reference)]))
        let names = try registry.metricNames(ofRun: run.id)
        let start = min(try address.number("from") ?? 0, max(0, names.count - 1))
        let shown = names.dropFirst(start).prefix(PageSite.chartCount)
        var charts: HTML = ""
        for name in shown {
            let line = try envelope(run, name, usesTime: usesTime, smoothing: smoothing, columns: 220)
            var plot = InlinePlot(
                [line], xLabel: usesTime ? "seconds of wall time" : "step", yLabel: shownName(name),
                isLogarithmic: isLogarithmic)
            plot.width = 520
            plot.height = 210
            let last = run.metrics[name].map { HTML.number($0) } ?? ""
            charts += HTML.plot(
                plot,
                caption:
                    "\(name): \(last) at the end\(line.columns.contains { $0.low < $0.high } ? "; the band holds every point" : "")."
            )
        }
        if !names.isEmpty {
            page.body += "<div class=\"cols\">\(charts)</div>"
            page.body += chartOptions(address, usesTime, isLogarithmic, smoothing)
            page.body += pager(
                address, start: start, shown: shown.count, of: names.count, by: PageSite.chartCount)
        }
        page.body += facts(run)
        let versions = try registry.versions(inRun: run.id)
        if !versions.isEmpty {
            page.body += "<h2>Versions <small>\(versions.count)</small></h2>"
            page.body += versionTable(
                Array(versions.prefix(PageSite.rowCount)), metrics: shownMetrics(versions))
        }
        let notes = try registry.notes(ofRun: run.id)
        if !notes.isEmpty { page.body += "<h2>Notes</h2>\(self.notes(notes))" }
        let attachments = try registry.attachments(ofRun: run.id)
        if !attachments.isEmpty {
            let items = attachments.prefix(PageSite.factLimit).map {
                "<li>\($0.name) <span class=\"dim\">\(ByteCount.text($0.byteCount))</span></li>" as HTML
            }
            page.body += "<h2>Attachments</h2><ul>\(items)</ul>"
        }
        if let environment = try registry.environment(ofRun: run.id) {
            page.body += self.environment(environment)
        }
        if run.state != .running { page.live = nil }
        return page
    }

    /// Charts on one page.
    private static let chartCount = 8

    private func answer(_ run: RunInfo) -> HTML {
        var parts: [HTML] = []
        switch run.state {
        case .running:
            parts.append(
                "It is running, at step \(run.lastStep.map(String.init) ?? "0"), for \(NumberText.duration(run.wallSeconds))"
            )
        case .finished: parts.append("It finished after \(NumberText.duration(run.wallSeconds))")
        case .failed:
            parts.append("<span class=\"bad\">It failed</span> after \(NumberText.duration(run.wallSeconds))")
        case .killed:
            parts.append(
                "<span class=\"bad\">It was killed</span> after \(NumberText.duration(run.wallSeconds))")
        }
        if !run.metrics.isEmpty { parts.append(metricTexts(run.metrics, limit: 6)) }
        parts.append("it saved \(HTML.count(run.versionCount, "version"))")
        return HTML.joined(parts, by: "; ") + "."
    }

    private func facts(_ run: RunInfo) -> HTML {
        var list = FactList()
        list.add("Started", "\(Moment.text(run.startedAt)) UTC")
        list.add("Ended", run.endedAt.map { "\(Moment.text($0)) UTC" })
        list.add("Parent", run.parent.map { link(.run($0), "\($0)") })
        list.add("Last step", run.lastStep.map { "\($0)" })
        var settings = FactList()
        for (key, value) in run.attributes.prefix(3 * PageSite.factLimit) {
            settings.add("\(key, limit: 60)", "\(value.text ?? value.json)")
        }
        return
            "<div class=\"cols\"><div><h2>Run</h2>\(list.html)</div><div>\(settings.isEmpty ? "" : "<h2>Settings</h2>\(settings.html)")</div></div>"
    }
}
