import Foundations
import ModelReg
import RegistryJSON

extension PageSite {
    /// What takes the space?
    func storagePage(_ address: PageAddress) throws -> Page {
        guard let model = address["model"], !model.isEmpty else { return try fileStoragePage(address) }
        let span = try registry.versionSpan(of: model)
        let registry = registry
        // The content of a model changes with its versions, and with what is packed.
        let key = "storage \(model) \(span?.last ?? 0) \(span?.count ?? 0)"
        let state = computations.value(key, waits: waits) { _ in try registry.versionStorageUse(of: model) }
        var page = Page(
            title: "Storage of \(model)",
            crumbs: [link(.storage(), "Storage")] + [link(.model(model), "\(model)")],
            heading: "What \(model) takes", answer: "<span class=\"dim\">Adding up…</span>", body: "", live: 1,
            data: .api("storage", [("model", model)]))
        switch state {
        case .pending: return page
        case .failed(let error): throw error
        case .ready(let uses): show(uses, model, address, in: &page)
        }
        return page
    }

    private func show(_ uses: [VersionStorageUse], _ model: String, _ address: PageAddress, in page: inout Page)
    {
        let stored = uses.reduce(0) { $0 + $1.use.storedByteCount }
        let unique = uses.reduce(0) { $0 + $1.use.uniqueByteCount }
        page.live = nil
        page.answer = """
            \(HTML.count(uses.count, "version")): chunks of \(ByteCount.text(unique)) belong to one version alone, the others are shared. \
            Each stored on its own would come to \(ByteCount.text(stored)).
            """
        page.body += treemap(
            uses.prefix(400).map { use in
                Treemap.Tile(
                    name: String(use.reference.dropFirst(model.count + 1)), size: use.use.storedByteCount,
                    own: use.use.uniqueByteCount,
                    address: .version(use.reference))
            })
        var start = 0
        if let from = address["from"].flatMap(Int.init) { start = min(max(0, from), max(0, uses.count - 1)) }
        let shown = uses.dropFirst(start).prefix(4 * PageSite.rowCount)
        var table = TableMarkup("Versions", useColumns("Version"))
        for use in shown { table.add([TableMarkup.Cell(link(reference: use.reference))] + cells(use.use)) }
        page.body += table.html
        page.body += pager(address, start: start, shown: shown.count, of: uses.count, by: 4 * PageSite.rowCount)
    }

    private func fileStoragePage(_ address: PageAddress) throws -> Page {
        let registry = registry
        let models = try registry.models()
        let key =
            "file\n"
            + models.map { "\($0.name) \($0.versionCount) \($0.latest?.number ?? 0)" }.joined(separator: "\n")
        let state = computations.value(key, waits: waits) { _ in
            FileUse(file: try registry.fileStorageUse(), models: try registry.modelStorageUse())
        }
        var page = Page(
            title: "Storage", heading: "What takes the space", answer: "<span class=\"dim\">Adding up…</span>",
            body: "",
            live: 1, data: .api("storage"))
        switch state {
        case .pending: return page
        case .failed(let error): throw error
        case .ready(let use):
            page.live = nil
            let rest = max(0, use.file.byteCount - use.file.storedByteCount - use.file.freeByteCount)
            page.answer = """
                <strong>\(ByteCount.text(use.file.byteCount))</strong> in the file: \(ByteCount.text(use.file.storedByteCount)) of \
                tensors, \(ByteCount.text(rest)) of rows and garbage, \(ByteCount.text(use.file.freeByteCount)) free.
                """
            let sorted = use.models.sorted { $0.use.storedByteCount > $1.use.storedByteCount }
            page.body += treemap(
                sorted.prefix(200).map { model in
                    Treemap.Tile(
                        name: model.model, size: model.use.storedByteCount, own: model.use.uniqueByteCount,
                        address: .storage(model.model))
                })
            var table = TableMarkup("Models", useColumns("Model", hasCount: true))
            for model in sorted.prefix(4 * PageSite.rowCount) {
                table.add(
                    [
                        TableMarkup.Cell(link(.storage(model.model), "\(model.model)")),
                        .count(model.versionCount),
                    ] + cells(model.use))
            }
            page.body += table.html
        }
        return page
    }

    private struct FileUse: Sendable {
        let file: FileStorageUse
        let models: [ModelStorageUse]
    }

    private func useColumns(_ name: HTML, hasCount: Bool = false) -> [(HTML, TableMarkup.Kind)] {
        [(name, .long)] + (hasCount ? [("Versions", .number)] : [])
            + [
                ("Size", .number), ("Stored", .number), ("Its own", .number), ("Shared", .number),
                ("Ratio", .number),
            ]
    }

    private func cells(_ use: StorageUse) -> [TableMarkup.Cell] {
        let ratio = use.storedByteCount > 0 ? Double(use.byteCount) / Double(use.storedByteCount) : nil
        return [
            .bytes(use.byteCount), .bytes(use.storedByteCount), .bytes(use.uniqueByteCount),
            .bytes(use.sharedByteCount),
            ratio.map { TableMarkup.Cell("\(NumberText.short($0)) : 1", value: $0) } ?? "",
        ]
    }

    private func treemap(_ tiles: [Treemap.Tile]) -> HTML {
        Treemap(tiles).html { link($0, $1) }
    }
}
