import Foundations
import ModelReg
import Plots
import RegistryJSON

extension PageSite {
    /// What became of a parameter: since when does its norm do what it does?
    func parameterPage(_ address: PageAddress) throws -> Page {
        let model = try address.required("model")
        let path = address["path"] ?? ""
        let wanted = try address.number("version")
        let below = try address.number("below")
        let versions = try registry.versions(of: model, below: nil, limit: 1)
        guard let latest = versions.first else { throw PageError.noPage }
        let found = try registry.histories(
            of: model, paths: [CheckpointPath(escaped: path)], through: below.map { $0 - 1 },
            limit: PageSite.historyLimit, leafCount: .max)
        guard let history = found.first, !history.entries.isEmpty else {
            throw PageError.invalid("no version of \(quoted(model)) has \(quoted(path))")
        }
        let entries = history.entries
        let norms = entries.map { (version: $0.version, norm: $0.health?.l2Norm) }
        let jump = entries.filter {
            $0.normChange != nil && $0.normChange?.isFinite == true && $0.normChange != 0
        }
        .max { abs($0.normChange ?? 0) < abs($1.normChange ?? 0) }
        let ill = entries.first { ($0.health?.nanCount ?? 0) > 0 || ($0.health?.infinityCount ?? 0) > 0 }
        var page = Page(
            title: "\(path) of \(model)",
            crumbs: crumbs(model) + [link(.version(latest.reference), "\(latest.reference)")],
            heading:
                "<span class=\"path\">\(path)</span> <small>in \(entries.count == 1 ? "one version" : "\(entries.count) versions") of \(model)</small>",
            answer: answer(entries, jump, ill), body: "",
            data: .api("history", [("model", model), ("path", path)]))
        let points = norms.map { Series.Point(x: Double($0.version.number), y: $0.norm ?? .nan) }
        if points.contains(where: { $0.y.isFinite }) {
            var plot = InlinePlot(
                [Envelope(Series(name: "norm", points: points), count: 360)], xLabel: "version",
                yLabel: "L2 norm",
                isLogarithmic: spread(points.map(\.y)) > 300)
            if let jump, let norm = jump.health?.l2Norm {
                plot.marks = [
                    (Series.Point(x: Double(jump.version.number), y: norm), "v\(jump.version.number)")
                ]
            }
            page.body += HTML.plot(
                plot,
                caption:
                    "Norm over all finite elements, in each version\(plot.isLogarithmic ? ", on a logarithmic scale" : "")\(jump == nil ? "" : "; the ring is where it changed most")."
            )
        }
        let shown = wanted.flatMap { number in entries.first { $0.version.number == number } } ?? entries.last
        if let shown, case .tensor(let tensor)? = shown.content {
            let part = try distribution(of: shown.version, path, tensor)
            page.body += part.html
            if part.isPending { page.live = 1 }
        }
        page.body += "<h2>In each version</h2>"
        page.body += table(
            model, path, entries.suffix(PageSite.historyRows).reversed(), current: shown?.version.number)
        if entries.count > PageSite.historyRows || entries.count == PageSite.historyLimit {
            let last = entries.suffix(PageSite.historyRows).first?.version.number
            page.body += "<p>\(link(address.setting("below", last.map(String.init)), "earlier versions"))</p>"
        }
        return page
    }

    /// Versions that a history is drawn over.
    static let historyLimit = 2000
    static let historyRows = 100

    /// How many times the least value the greatest is.
    private func spread(_ values: [Double]) -> Double {
        let finite = values.filter(\.isFinite)
        guard let low = finite.min(), let high = finite.max(), low > 0 else { return 1 }
        return high / low
    }

    private func answer(
        _ entries: [ParameterHistory.Entry], _ jump: ParameterHistory.Entry?, _ ill: ParameterHistory.Entry?
    ) -> HTML {
        var parts: [HTML] = []
        if let ill {
            parts.append("<span class=\"bad\">NaN or infinity since \(link(version: ill.version))</span>")
        }
        if let jump, let change = jump.normChange {
            parts.append(
                "\(ill == nil ? "Its" : "its") norm changed most in \(link(version: jump.version)): <strong>\(NumberText.change(change))</strong>"
            )
        } else if entries.contains(where: { $0.health?.l2Norm != nil }) {
            parts.append("\(ill == nil ? "Its" : "its") norm is the same in all versions shown")
        }
        let changed = entries.count { entry in
            if case .changed = entry.change { true } else { false }
        }
        parts.append(
            "\(parts.isEmpty ? "It" : "it") changed in \(changed) of \(HTML.count(entries.count, "version"))")
        return HTML.joined(parts, by: "; ") + "."
    }

    private func table(
        _ model: String, _ path: String, _ entries: some Sequence<ParameterHistory.Entry>, current: Int?
    ) -> HTML {
        var table = TableMarkup(
            "History",
            [
                ("Version", .short), ("Change", .short), ("Norm (L2)", .number), ("Change of norm", .number),
                ("Least", .number), ("Greatest", .number), ("Zeros", .number), ("NaN", .number),
                ("Inf", .number),
                ("Value", .long), ("Message", .long),
            ])
        for entry in entries {
            var value: HTML = ""
            if case .value(let plain)? = entry.content { value = "\(plain.text, limit: 120)" }
            if case .tensor(let tensor)? = entry.content {
                value = "\(tensor.dtype.rawValue) \(shape(tensor.shape))"
            }
            let health = entry.health
            table.add(
                [
                    TableMarkup.Cell(
                        link(
                            .parameter(model, path, version: entry.version.number), "v\(entry.version.number)"),
                        value: Double(entry.version.number)),
                    TableMarkup.Cell(changeText(entry.change)), .number(health?.l2Norm),
                    entry.normChange.map { TableMarkup.Cell("\(NumberText.change($0))", value: $0) } ?? "",
                    .number(health?.minimum), .number(health?.maximum), .count(health?.zeroCount),
                    .alarm(health?.nanCount), .alarm(health?.infinityCount), TableMarkup.Cell(value),
                    TableMarkup.Cell(HTML.message(entry.version.message, limit: 100)),
                ], isMarked: entry.version.number == current)
        }
        return table.html
    }

    private func changeText(_ change: ParameterHistory.Change) -> HTML {
        switch change {
        case .added: "added"
        case .removed: "removed"
        case .unchanged: "<span class=\"dim\">unchanged</span>"
        case .changed(let differences):
            "\(CheckpointDiff.Difference.allCases.filter(differences.contains).map(\.rawValue).joined(separator: ", "))"
        }
    }

    // MARK: Distribution

    private func distribution(of version: Version, _ path: String, _ tensor: Manifest.TensorContent) throws
        -> (html: HTML, isPending: Bool)
    {
        let heading: HTML =
            "<h2>Elements in \(link(version: version)) <small>\(tensor.dtype.rawValue), \(shape(tensor.shape))</small></h2>"
        guard TensorPicture.canRead(tensor) else { return ("", false) }
        let registry = registry
        let state = computations.value("picture \(tensor.id) \(tensor.dtype) \(tensor.shape)", waits: waits) {
            _ in
            try TensorPicture(of: version.reference, path: path, tensor, in: registry)
        }
        switch state {
        case .pending: return (heading + "<p class=\"dim\">Reading the tensor…</p>", true)
        case .failed(let error): return (heading + "<p class=\"bad\">\("\(error)")</p>", false)
        case .ready(let picture): return (heading + picture.html, false)
        }
    }
}
