import Foundations
import ModelReg
import RegistryJSON

extension PageSite {
    /// What is in the registry?
    func modelsPage(_ address: PageAddress) throws -> Page {
        let models = try registry.models()
        let runs = try registry.runs()
        let running = runs.filter { $0.state == .running }
        let start = min(try address.number("from") ?? 0, max(0, models.count - 1))
        let shown = models.dropFirst(start).prefix(PageSite.rowCount)
        var table = TableMarkup(
            "Models",
            [
                ("Model", .long), ("Versions", .number), ("Latest", .short), ("Saved", .short),
                ("Tensors", .number),
                ("Size", .number), ("Aliases", .long), ("Metrics of the latest", .long), ("Message", .long),
            ])
        for model in shown {
            let latest = model.latest
            table.add([
                TableMarkup.Cell(link(.model(model.name), "\(model.name)")), .count(model.versionCount),
                latest.map { "\(link(version: $0))" } ?? "",
                latest.map { "\(Moment.text($0.createdAt))" } ?? "", .count(latest?.tensorCount),
                .bytes(latest?.byteCount), TableMarkup.Cell(HTML.tags(model.aliases)),
                latest.map { TableMarkup.Cell(metricTexts($0.metrics)) } ?? "",
                latest.map { TableMarkup.Cell(HTML.message($0.message)) } ?? "",
            ])
        }
        let versionCount = models.reduce(0) { $0 + $1.versionCount }
        var answer: HTML = "\(HTML.count(models.count, "model")) with \(HTML.count(versionCount, "version"))"
        answer += runs.isEmpty ? "." : " and \(HTML.count(runs.count, "run"))"
        if let newest = models.compactMap(\.latest).max(by: { $0.createdAt < $1.createdAt }) {
            answer += "; the newest version is \(link(reference: newest.reference))."
        } else if models.isEmpty {
            answer = "There is no model yet: <code>modelreg save FILE NAME</code> makes the first."
        }
        var body = models.isEmpty ? "" : table.html
        body += pager(address, start: start, shown: shown.count, of: models.count)
        if !running.isEmpty {
            body += "<h2>Running now</h2>\(runList(running.prefix(20)))"
        }
        return Page(
            title: "Models", heading: "Models", answer: answer, body: body, data: .api("models"))
    }

    /// Rows of a table on one page.
    static let rowCount = 50

    func metricTexts(_ metrics: [String: Double], limit: Int = 4) -> HTML {
        let sorted = metrics.sorted { $0.key < $1.key }
        return .joined(
            sorted.prefix(limit).map { name, value in
                "<span class=\"dim\">\(name, limit: 60)</span> \(value.isFinite ? HTML.number(value) : "<span class=\"bad\">\(HTML.number(value))</span>")"
            }, by: ", ")
            + (sorted.count > limit ? " <span class=\"dim\">and \(sorted.count - limit) more</span>" : "")
    }

    /// Links to the stretches before and after.
    func pager(_ address: PageAddress, start: Int, shown: Int, of count: Int, by step: Int = rowCount) -> HTML {
        guard count > shown else { return "" }
        var parts: [HTML] = ["<span class=\"dim\">\(start + 1)–\(start + shown) of \(count)</span>"]
        if start > 0 {
            let before = start <= step ? nil : "\(start - step)"
            parts.append(link(address.setting("from", before), "before"))
        }
        if start + shown < count { parts.append(link(address.setting("from", "\(start + shown)"), "next")) }
        return "<p class=\"chips\">\(parts)</p>"
    }

    private func runList(_ runs: some Sequence<RunInfo>) -> HTML {
        var table = TableMarkup(
            "Running", [("Run", .long), ("Started", .short), ("Step", .number), ("Metrics", .long)])
        for run in runs {
            table.add([
                TableMarkup.Cell(link(.run(run.reference), "\(run.reference)")),
                "\(Moment.text(run.startedAt))",
                .count(run.lastStep), TableMarkup.Cell(metricTexts(run.metrics)),
            ])
        }
        return table.html
    }
}
