import Foundations
import ModelReg
import RegistryJSON

/// A diff that is kept, with what is drawn of it.
struct KnownDiff: Sendable {
    let diff: ModelDiff
}

extension PageSite {
    /// What changed from one version to another, where, and by how much?
    func diffPage(_ address: PageAddress) throws -> Page {
        let old = try registry.version(try address.required("a"))
        let new = try registry.version(try address.required("b"))
        var diff: ModelDiff
        var isPending = false
        var failure: HTML = ""
        switch knownDiff(old, new) {
        case .ready(let known): diff = known.diff
        case .pending:
            isPending = true
            diff = try registry.diff(old.reference, new.reference, options: DiffOptions(comparesValues: false))
        case .failed(let error):
            failure = "<p class=\"bad\">\("\(error)")</p>"
            diff = try registry.diff(old.reference, new.reference, options: DiffOptions(comparesValues: false))
        }
        var crumbs = self.crumbs(new.model)
        crumbs.append(link(.version(new.reference), "\(new.reference)"))
        var page = Page(
            title: "\(old.reference) → \(new.reference)", crumbs: crumbs,
            heading:
                "\(link(.version(old.reference), "\(old.reference)")) → \(link(.version(new.reference), "\(new.reference)"))",
            answer: answer(diff, isPending: isPending), body: failure,
            live: isPending ? 1 : nil, data: .api("diff", [("a", old.reference), ("b", new.reference)]))
        // As files, it would be twice as many.
        let back = links.isFrozen ? "" : link(.diff(new.reference, old.reference), "the other way round")
        page.body += "<p class=\"chips\">\(back)"
        page.body +=
            "\(old.message.isEmpty ? "" : "<span><span class=\"dim\">v\(old.number)</span> \(HTML.message(old.message))</span>")"
        page.body +=
            "\(new.message.isEmpty ? "" : "<span><span class=\"dim\">v\(new.number)</span> \(HTML.message(new.message))</span>")</p>"
        page.body += factTable(diff.facts)
        page.body += moduleTable(diff)
        page.body += try changeTable(diff, new, address)
        return page
    }

    private func answer(_ diff: ModelDiff, isPending: Bool) -> HTML {
        if diff.isSameModel { return "Nothing: both are the same weights, bit for bit." }
        var parts: [HTML] = []
        let kinds: [WeightChange.Kind] = [.changed, .added, .removed, .renamed, .moved]
        let counts = kinds.map { ($0, diff.count(of: $0)) }.filter { $0.1 > 0 }
        if counts.isEmpty {
            parts.append(
                diff.isStructureChanged
                    ? "only the structure changed" : "the weights are the same, facts beside them differ")
        } else {
            let said = counts.map { "\($0.1) \($0.0.rawValue)" as HTML } + ["\(diff.unchangedCount) unchanged"]
            parts.append(HTML.joined(said, by: ", "))
        }
        let appeared = diff.changes.filter { ($0.statistics?.appearedNaNCount ?? 0) > 0 }
        if let first = appeared.first {
            parts.append(
                "<span class=\"bad\">NaN appeared in \(HTML.count(appeared.count, "tensor")), the first is \(first.path.text, limit: 120)</span>"
            )
        }
        if let moved = movedMost(diff) {
            parts.append(
                "<span class=\"path\">\(moved.path.text, limit: 120)</span> moved most: <strong>\(NumberText.short(moved.statistics?.relativeL2 ?? 0))</strong> of its norm"
            )
        }
        if isPending { parts.append("<span class=\"dim\">values are being compared…</span>") }
        return HTML.joined(parts, by: "; ") + "."
    }

    /// The tensor that moved farthest, by its own norm.
    private func movedMost(_ diff: ModelDiff) -> WeightChange? {
        var farthest: WeightChange?
        for change in diff.changes {
            guard let distance = change.statistics?.relativeL2, distance.isFinite,
                distance > farthest?.statistics?.relativeL2 ?? 0
            else { continue }
            farthest = change
        }
        return farthest
    }

    // MARK: Facts

    private func factTable(_ facts: [FactChange]) -> HTML {
        guard !facts.isEmpty else { return "" }
        var table = TableMarkup(
            "Facts beside the weights",
            [("What", .short), ("Name", .long), ("Before", .long), ("Now", .long), ("Difference", .number)])
        for fact in facts.prefix(PageSite.changeCount) {
            let before = fact.old.flatMap(Double.init)
            let now = fact.new.flatMap(Double.init)
            let difference = before.flatMap { before in now.map { $0 - before } }
            table.add([
                "\(fact.source.rawValue)", "\(fact.key, limit: 120)", "\(fact.old ?? "", limit: 200)",
                "\(fact.new ?? "", limit: 200)",
                difference.map { TableMarkup.Cell("\($0 > 0 ? "+" : "")\(NumberText.short($0))", value: $0) }
                    ?? "",
            ])
        }
        return "<h2>Beside the weights</h2>\(table.html)" + rest(facts.count)
    }

    /// Changes that a page lists.
    static let changeCount = 150

    private func rest(_ count: Int) -> HTML {
        count > PageSite.changeCount ? "<p class=\"dim\">and \(count - PageSite.changeCount) more</p>" : ""
    }

    // MARK: Modules

    private func moduleTable(_ diff: ModelDiff) -> HTML {
        var modules: [(module: ModuleRollup, depth: Int)] = []
        func add(_ module: ModuleRollup, _ depth: Int) {
            guard module.total.changeCount > 0 || depth == 1 else { return }
            modules.append((module, depth))
            for child in module.children { add(child, depth + 1) }
        }
        for child in diff.modules.children { add(child, 0) }
        guard modules.contains(where: { $0.module.total.isCompared }) else { return "" }
        let isCut = modules.count > PageSite.changeCount
        if isCut {
            // The outer ones of a deep tree.
            for depth in stride(from: modules.map(\.depth).max() ?? 0, to: 0, by: -1)
            where modules.count > PageSite.changeCount {
                modules.removeAll { $0.depth >= depth }
            }
            modules = Array(modules.prefix(PageSite.changeCount))
        }
        let totals = modules.map(\.module.total).filter(\.isCompared)
        func greatest(_ measure: (ModuleRollup.Total) -> Double) -> Double {
            totals.map(measure).filter(\.isFinite).max() ?? 0
        }
        let most = (
            relative: greatest(\.relativeL2), norm: greatest(\.l2Norm), absolute: greatest(\.maximumAbsolute),
            share: greatest(\.changedShare)
        )
        var table = TableMarkup(
            "Modules by measures",
            [
                ("Module", .path), ("Changed", .number), ("Relative L2", .number),
                ("L2 of the difference", .number),
                ("Greatest difference", .number), ("Elements changed", .number), ("New NaN", .number),
            ], isSorted: false)
        for (module, depth) in modules {
            let total = module.total
            func cell(_ value: Double, _ greatest: Double) -> TableMarkup.Cell {
                total.isCompared ? .number(value, heat: Drawing.heat(value, greatest: greatest)) : ""
            }
            var name = TableMarkup.Cell(
                "<span class=\"path\">\(module.name.isEmpty ? "(no name)" : module.name, limit: 120)</span>")
            name.depth = depth
            let share =
                total.isCompared
                ? TableMarkup.Cell(
                    "\(NumberText.percent(total.changedShare))", value: total.changedShare,
                    heat: Drawing.heat(total.changedShare, greatest: most.share)) : ""
            table.add([
                name, "\(total.changeCount) of \(total.leafCount)", cell(total.relativeL2, most.relative),
                cell(total.l2Norm, most.norm), cell(total.maximumAbsolute, most.absolute), share,
                total.isCompared ? .alarm(total.appearedNaNCount) : "",
            ])
        }
        return """
            <h2>By module <small>the darker, the more; two steps are a factor of ten</small></h2>\(table.html)\
            \(isCut ? "<p class=\"dim\">Only outer modules are shown: there are many.</p>" : "")
            """
    }

    // MARK: Leaves

    private func changeTable(_ diff: ModelDiff, _ new: Version, _ address: PageAddress) throws -> HTML {
        guard !diff.changes.isEmpty else { return "" }
        // What moved most comes first; what cannot be compared before it, as it is rare and matters.
        let sorted = diff.changes.enumerated().sorted { left, right in
            let (a, b) = (rank(left.element), rank(right.element))
            return a == b ? left.offset < right.offset : a > b
        }.map(\.element)
        let start = min(try address.number("from") ?? 0, sorted.count - 1)
        let shown = sorted.dropFirst(start).prefix(PageSite.changeCount)
        let greatest = diff.changes.compactMap { $0.statistics?.relativeL2 }.filter(\.isFinite).max() ?? 0
        var table = TableMarkup(
            "Changes",
            [
                ("Path", .path), ("Change", .short), ("Type and shape", .long), ("Relative L2", .number),
                ("", .short),
                ("Greatest difference", .number), ("at", .short), ("Cosine", .number),
                ("Elements changed", .number),
                ("ULPs", .short), ("NaN", .number),
            ])
        for change in shown {
            let statistics = change.statistics
            let path =
                change.kind == .removed
                ? "<span class=\"path\">\(change.path.text, limit: 160)</span>"
                : link(
                    .parameter(new.model, change.newPath?.text ?? change.path.text, version: new.number),
                    "<span class=\"path\">\(change.path.text, limit: 160)</span>")
            let index = change.comparison?.maximumIndex.map {
                "[\($0.map(String.init).joined(separator: ", "))]"
            }
            let row: [TableMarkup.Cell] = [
                TableMarkup.Cell(path), TableMarkup.Cell(kindText(change)),
                TableMarkup.Cell(contentText(change)),
                .number(statistics?.relativeL2),
                TableMarkup.Cell(
                    statistics.map { Drawing.bar(greatest > 0 ? $0.relativeL2 / greatest : 0) } ?? ""),
                .number(statistics?.maximumAbsolute), "<span class=\"mono\">\(index ?? "", limit: 40)</span>",
                .number(statistics?.cosineSimilarity),
                statistics.map {
                    TableMarkup.Cell("\(NumberText.percent($0.changedShare))", value: $0.changedShare)
                } ?? "",
                TableMarkup.Cell(statistics.map { distances($0.ulpHistogram) } ?? ""),
                TableMarkup.Cell(
                    statistics.map(nanText) ?? "", value: statistics.map { Double($0.newNaNCount) }),
            ]
            table.add(row)
        }
        return """
            <h2>By parameter <small>what moved most comes first</small></h2>\(table.html)\
            \(pager(address, start: start, shown: shown.count, of: sorted.count, by: PageSite.changeCount))
            """
    }

    private func rank(_ change: WeightChange) -> Double {
        guard let statistics = change.statistics else { return .infinity }
        if statistics.appearedNaNCount > 0 { return .greatestFiniteMagnitude }
        return statistics.relativeL2.isFinite ? statistics.relativeL2 : .greatestFiniteMagnitude
    }

    private func kindText(_ change: WeightChange) -> HTML {
        var text: HTML = "\(change.kind.rawValue)"
        let others = CheckpointDiff.Difference.allCases.filter {
            change.differences.contains($0) && $0 != .value
        }
        if !others.isEmpty {
            text += " <span class=\"dim\">(\(others.map(\.rawValue).joined(separator: ", ")))</span>"
        }
        if let old = change.oldPath, change.kind == .renamed || change.kind == .moved {
            text += " <span class=\"dim\">from</span> <span class=\"path\">\(old.text, limit: 120)</span>"
        }
        return text
    }

    private func nanText(_ statistics: TensorDifference) -> HTML {
        let (old, new) = (statistics.oldNaNCount, statistics.newNaNCount)
        if old == 0, new == 0 { return "<span class=\"dim\">0</span>" }
        return "<span class=\"bad\">\(old) → \(new)</span>"
    }

    private func contentText(_ change: WeightChange) -> HTML {
        let (old, new) = (change.old?.text, change.new?.text)
        guard let old, let new, old != new else { return "\(new ?? old ?? "", limit: 120)" }
        return "\(old, limit: 120) → \(new, limit: 120)"
    }

    /// Counts of elements by their distance: 0, 1, 2 to 3, 4 to 7, …
    private func distances(_ histogram: [Int]) -> HTML {
        guard let most = histogram.max(), most > 0 else { return "" }
        let shown = histogram.prefix(40)
        let bars = shown.enumerated().map { index, count -> HTML in
            let height = count == 0 ? 0 : max(1, 16 * Double(count) / Double(most))
            return
                "<rect x=\"\(index * 4)\" y=\"\(Drawing.tenth(16 - height))\" width=\"3\" height=\"\(Drawing.tenth(height))\"/>"
        }
        return """
            <svg class="hist" width="\(shown.count * 4)" height="17" viewBox="0 0 \(shown.count * 4) 17" role="img" \
            aria-label="elements by distance">\(bars)</svg>
            """
    }
}
