import Foundations
import ModelReg
import RegistryJSON

extension PageSite {
    /// What is in a version, is it healthy, and what moved last?
    func versionPage(_ address: PageAddress) throws -> Page {
        let version = try registry.version(try address.required("ref"))
        let details = try registry.details(of: version)
        let manifest = try registry.manifest(of: version.reference)
        let facts = Dictionary(try registry.tensorFacts(of: version.reference).map { ($0.path, $0) }) {
            first, _ in first
        }
        let leaves = manifest.leaves.map {
            ParameterTree.Leaf(path: $0.path, content: $0.content, facts: facts[$0.path.text])
        }
        let module = address["module"] ?? ""
        let tree = ParameterTree(leaves, in: module)
        if !module.isEmpty, tree.rows.isEmpty {
            throw PageError.invalid("no module \(quoted(module)) in \(version.reference)")
        }
        let start = min(try address.number("from") ?? 0, max(0, tree.rows.count - 1))
        let rows = tree.rows.dropFirst(start).prefix(ParameterTree.openLimit * 2)
        let histories = try histories(of: version, rows)
        var page = Page(
            title: version.reference, crumbs: crumbs(version.model),
            heading: "\(version.reference) \(HTML.tags(version.aliases))",
            answer: answer(version, ParameterTree(leaves, in: "").total, leaves, histories), body: "",
            data: .api("version", [("ref", version.reference)]))
        page.body += try neighbours(version)
        if module.isEmpty { page.body += try self.facts(version, details, manifest.structure) }
        page.body += "<h2>Parameters\(module.isEmpty ? "" : " of \(module)") "
        page.body +=
            "<small>\(HTML.count(tree.total.leafCount, "leaf", "leaves")), \(ByteCount.text(tree.total.byteCount))</small></h2>"
        if !module.isEmpty { page.body += moduleCrumbs(version, module) }
        page.body += parameterTable(version, rows, histories)
        page.body += pager(
            address, start: start, shown: rows.count, of: tree.rows.count, by: ParameterTree.openLimit * 2)
        if module.isEmpty { page.body += try surroundings(version) }
        return page
    }

    // MARK: Answer

    private func answer(
        _ version: Version, _ total: ParameterTree.Module, _ leaves: [ParameterTree.Leaf],
        _ histories: [String: ParameterHistory]
    ) -> HTML {
        var parts: [HTML] = []
        let ill = leaves.filter { ($0.facts?.nanCount ?? 0) > 0 || ($0.facts?.infinityCount ?? 0) > 0 }
        if let first = ill.first {
            parts.append(
                """
                <span class="bad">\(HTML.count(ill.count, "tensor")) with NaN or infinity</span>, the first is \
                \(link(.parameter(version.model, first.path.text, version: version.number), "\(first.path.text, limit: 120)"))
                """)
        } else if total.leafCount > 0 {
            parts.append(
                "<span class=\"good\">No NaN, no infinity</span> in \(HTML.count(version.tensorCount, "tensor"))"
            )
        }
        let moved = histories.values.compactMap { history -> (path: String, change: Double)? in
            guard let last = history.entries.last, last.version.number == version.number,
                let change = last.normChange, change.isFinite, change != 0
            else { return nil }
            return (history.path.text, change)
        }.max { (abs($0.change), $1.path) < (abs($1.change), $0.path) }
        if let moved {
            let path = link(
                .parameter(version.model, moved.path, version: version.number), "\(moved.path, limit: 120)")
            parts.append("the norm that changed most is that of \(path): \(NumberText.change(moved.change))")
        }
        if !version.metrics.isEmpty { parts.append(metricTexts(version.metrics, limit: 6)) }
        return HTML.joined(parts, by: "; ") + "."
    }

    private func neighbours(_ version: Version) throws -> HTML {
        var parts: [HTML] = []
        let before = try registry.versions(of: version.model, below: version.number, limit: 1).first
        if let before { parts.append(link(.version(before.reference), "← v\(before.number)")) }
        let next = try? registry.version("\(version.model):v\(version.number + 1)")
        if let next { parts.append(link(.version(next.reference), "v\(next.number) →")) }
        if let parent = version.parent ?? before?.reference {
            parts.append(link(.diff(parent, version.reference), "What changed since \(parent)"))
        }
        if let span = try registry.versionSpan(of: version.model), span.first < version.number {
            let first = "\(version.model):v\(span.first)"
            if first != version.parent { parts.append(link(.diff(first, version.reference), "since \(first)")) }
        }
        parts.append(link(.lineage(version.reference), "Lineage"))
        return "<p class=\"chips\">\(parts)</p>"
    }

    // MARK: Facts

    private func facts(_ version: Version, _ details: VersionDetails, _ structure: Structure) throws -> HTML {
        var list = FactList()
        list.add("Message", version.message.isEmpty ? nil : HTML.lines(version.message))
        list.add("Saved", "\(Moment.text(version.createdAt)) UTC")
        list.add("Size", "\(ByteCount.text(version.byteCount)) in \(HTML.count(version.tensorCount, "tensor"))")
        list.add("Content", "<code>\(version.contentID.description)</code>")
        list.add("Parent", version.parent.map { link(reference: $0) })
        list.add(
            "Run",
            version.run.map { run in
                link(.run(run), "\(run)") + (version.step.map { ", step \($0)" } ?? "")
            })
        if let source = details.sourceFile {
            list.add("Saved from", "\(source.name), \(source.format), \(ByteCount.text(source.byteCount))")
        }
        list.add("Objects", structure.objectsText.map { "\($0)" })
        if let thinned = details.thinnedAt {
            list.add(
                "Thinned",
                "\(Moment.text(thinned)) UTC: \(HTML.count(details.droppedPaths.count, "tensor")) dropped")
        }
        for (name, value) in version.metrics.sorted(by: { $0.key < $1.key }).prefix(PageSite.factLimit) {
            list.add("\(name, limit: 60)", HTML.number(value))
        }
        var settings = FactList()
        for (key, value) in details.attributes.prefix(PageSite.factLimit) {
            settings.add("\(key, limit: 60)", "\(value.text ?? value.json)")
        }
        for (key, value) in details.fileFacts.prefix(PageSite.factLimit) {
            settings.add("\(key, limit: 60)", "\(value.text ?? value.json)")
        }
        var right: HTML = settings.isEmpty ? "" : "<h2>Settings and metadata</h2>\(settings.html)"
        right += downloads(version, details)
        return "<div class=\"cols\"><div>\(list.html)</div><div>\(right)</div></div>"
    }

    /// Facts of one kind that a page lists.
    static let factLimit = 40

    private func downloads(_ version: Version, _ details: VersionDetails) -> HTML {
        guard !links.isFrozen else { return attachmentList(version, details) }
        func export(_ format: String?) -> String {
            PageAddress.api("export", [("ref", version.reference), ("format", format)]).target
        }
        var parts: [HTML] = []
        if let source = details.sourceFile, details.thinnedAt == nil {
            parts.append(
                "<a href=\"\(export(nil), limit: .max)\" download>\(source.name, limit: 60), as it was saved</a>"
            )
        }
        parts.append("<a href=\"\(export("safetensors"), limit: .max)\" download>safetensors</a>")
        parts.append("<a href=\"\(export("pt"), limit: .max)\" download>PyTorch</a>")
        return "<h2>Download</h2><p class=\"chips\">\(parts)</p>\(attachmentList(version, details))"
    }

    private func attachmentList(_ version: Version, _ details: VersionDetails) -> HTML {
        guard !details.attachments.isEmpty else { return "" }
        let items = details.attachments.prefix(PageSite.factLimit).map { attachment -> HTML in
            let address = PageAddress("/attachment", [("ref", version.reference), ("name", attachment.name)])
            let name: HTML =
                links.href(address).map { "<a href=\"\($0, limit: .max)\" download>\(attachment.name)</a>" }
                ?? "\(attachment.name)"
            return "<li>\(name) <span class=\"dim\">\(ByteCount.text(attachment.byteCount))</span></li>"
        }
        return "<h2>Attachments</h2><ul>\(items)</ul>"
    }

    // MARK: Parameters

    private func histories(of version: Version, _ rows: some Sequence<ParameterTree.Row>) throws -> [String:
        ParameterHistory]
    {
        let paths = rows.compactMap { row -> CheckpointPath? in
            if case .leaf(let leaf, _, _) = row, leaf.facts != nil { leaf.path } else { nil }
        }
        let histories = try registry.histories(
            of: version.model, paths: paths, through: version.number, limit: PageSite.sparkCount,
            leafCount: version.tensorCount)
        return Dictionary(histories.map { ($0.path.text, $0) }) { first, _ in first }
    }

    /// Versions that a small line shows.
    static let sparkCount = 32

    private func moduleCrumbs(_ version: Version, _ module: String) -> HTML {
        let path = ModulePath(CheckpointPath(escaped: module))
        let parts = zip(path.names, path.prefixes).map { name, prefix in
            prefix == module ? "\(name)" : link(.version(version.reference, module: prefix), "\(name)")
        }
        return "<p>\(HTML.joined([link(.version(version.reference), "all")] + parts, by: " › "))</p>"
    }

    private func parameterTable(
        _ version: Version, _ rows: some Sequence<ParameterTree.Row>, _ histories: [String: ParameterHistory]
    ) -> HTML {
        var table = TableMarkup(
            "Parameters",
            [
                ("Path", .path), ("Type", .short), ("Shape or value", .long), ("Elements", .number),
                ("Norm (L2)", .number),
                ("Change", .number), ("Norm, last \(PageSite.sparkCount) versions", .short), ("NaN", .number),
                ("Inf", .number), ("Zeros", .number),
            ], isSorted: false)
        for row in rows {
            switch row {
            case .module(let module): table.add(cells(version, module))
            case .leaf(let leaf, let name, let depth):
                var cells = cells(version, leaf, name, histories[leaf.path.text])
                cells[0].depth = depth
                table.add(cells)
            }
        }
        return table.html
    }

    private func cells(_ version: Version, _ module: ParameterTree.Module) -> [TableMarkup.Cell] {
        let name: HTML = "<strong class=\"path\">\(module.name, limit: 120)</strong>"
        let target = PageAddress.version(version.reference, module: module.path)
        var first = TableMarkup.Cell(module.isOpen ? name : link(target, name))
        first.depth = module.depth
        return [
            first, "", "<span class=\"dim\">\(HTML.count(module.leafCount, "leaf", "leaves"))</span>",
            .count(module.elementCount), .number(module.squares.squareRoot()), "", "", .alarm(module.nanCount),
            .alarm(module.infinityCount), "",
        ]
    }

    private func cells(
        _ version: Version, _ leaf: ParameterTree.Leaf, _ name: String, _ history: ParameterHistory?
    ) -> [TableMarkup.Cell] {
        let shown = link(
            .parameter(version.model, leaf.path.text, version: version.number),
            "<span class=\"path\">\(name, limit: 120)</span>")
        guard case .tensor(let tensor) = leaf.content else {
            guard case .value(let value) = leaf.content else { return [TableMarkup.Cell(shown)] }
            return [
                TableMarkup.Cell(shown), "\(value.kindName)", "\(value.text, limit: 120)", "", "", "", "", "",
                "", "",
            ]
        }
        let last = history?.entries.last
        let change = last?.version.number == version.number ? last?.normChange : nil
        let norms = history?.entries.map { $0.health?.l2Norm } ?? []
        let spark = Drawing.spark(norms, label: "norm over \(norms.count) versions")
        return [
            TableMarkup.Cell(shown), "\(tensor.dtype.rawValue)",
            "<span class=\"mono\">\(shape(tensor.shape))</span>",
            .count(leaf.facts?.count), .number(leaf.facts?.l2Norm),
            change.map { TableMarkup.Cell("\(NumberText.change($0))", value: $0) } ?? "",
            TableMarkup.Cell(spark),
            .alarm(leaf.facts?.nanCount), .alarm(leaf.facts?.infinityCount),
            leaf.facts?.zeroShare.map { TableMarkup.Cell("\(NumberText.percent($0))", value: $0) } ?? "",
        ]
    }

    func shape(_ shape: [Int]) -> HTML {
        shape.isEmpty ? "scalar" : "\(shape.prefix(12).map(String.init).joined(separator: " × "))"
    }

    // MARK: What is beside it

    private func surroundings(_ version: Version) throws -> HTML {
        var body: HTML = ""
        let notes = try registry.notes(of: version)
        if !notes.isEmpty { body += "<h2>Notes</h2>\(self.notes(notes))" }
        let lineage = try registry.lineage(of: version)
        if !lineage.isEmpty {
            let items = lineage.prefix(PageSite.factLimit).map { ancestor -> HTML in
                let name =
                    ancestor.isPresent
                    ? link(reference: ancestor.reference) : "\(ancestor.reference) (not here)"
                let share = ancestor.share.map { ", \(NumberText.percent($0)) of its bytes" } ?? ""
                return
                    "<li>\(ancestor.kind == .merged ? "Merged" : "Fine-tuned") from \(name)\(share)\(ancestor.isGiven ? "" : ", found by content")</li>"
            }
            body += "<h2>Made from</h2><ul>\(items)</ul>"
        }
        if let environment = try registry.environment(of: version) { body += self.environment(environment) }
        return body
    }

    func notes(_ notes: [Note]) -> HTML {
        let items = notes.suffix(PageSite.factLimit).map { note -> HTML in
            "<div class=\"note\">\(HTML.lines(note.text, limit: 4000))<br><span class=\"dim\">\(note.actor), \(Moment.text(note.at))</span></div>"
        }
        return "\(items)"
    }

    func environment(_ environment: RunEnvironment) -> HTML {
        var list = FactList()
        if let commit = environment.gitCommit {
            let branch = environment.gitBranch.map { ", branch \($0)" } ?? ""
            list.add(
                "Code",
                "<code>\(commit, limit: 64)</code>\(branch)\(environment.isDirty == true ? ", with changes" : "")"
            )
        }
        list.add("Host", environment.host.map { host in "\(environment.user.map { "\($0)@" } ?? "")\(host)" })
        if !environment.command.isEmpty {
            list.add("Command", "<code>\(environment.command.joined(separator: " "))</code>")
        }
        let packages = environment.packages.prefix(60).map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        list.add("Packages", packages.isEmpty ? nil : "\(packages, limit: 2000)")
        return list.isEmpty ? "" : "<h2>Environment</h2>\(list.html)"
    }
}
