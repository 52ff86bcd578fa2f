import Foundations
import ModelReg
import RegistryJSON

/// A diff as Markdown, for a pull request.
struct DiffMarkdown {
    /// Rows that are shown at once; more are folded away.
    private static let shownCount = 15
    /// Rows that a page takes.
    private static let maximumCount = 500

    let lines: [String]

    init(old: String, new: String, _ diff: ModelDiff, _ outcomes: [DiffGate.Outcome], top: Int?) {
        var lines = ["### `\(Self.code(old))` → `\(Self.code(new))`", ""]
        lines.append(diff.isEmpty ? "No differences in the weights." : "**\(DiffText.summary(diff))**")
        if diff.isStructureChanged { lines += ["", "The order of keys or the type of containers changed."] }
        for outcome in outcomes {
            lines += ["", "\(outcome.holds ? "❌" : "✅") `\(Self.code(outcome.condition))`"]
            lines += outcome.changes.prefix(Self.shownCount).map {
                "- `\(Self.code(diff.changes[$0].path.shown))`"
            }
            if outcome.changes.count > Self.shownCount {
                lines.append("- … \(outcome.changes.count - Self.shownCount) more")
            }
        }
        let modules = diff.modules.topLevel.filter { $0.total.isCompared }
        if modules.count > 1 {
            lines += ["", "| module | rel. L2 | | max abs | changed |", "|:--|--:|:--|--:|--:|"]
            let greatest = modules.map(\.total.relativeL2).filter(\.isFinite).max() ?? 0
            lines += modules.prefix(Self.shownCount * 2).map { module in
                let relative = module.total.relativeL2
                let bar = NumberText.bar(greatest > 0 ? min(relative, greatest) / greatest : 0, width: 10)
                return "| `\(Self.code(module.path))` | \(NumberText.short(relative)) | \(bar) "
                    + "| \(NumberText.short(module.total.maximumAbsolute)) "
                    + "| \(module.total.changeCount) of \(module.total.leafCount) |"
            }
        }
        let changes = Array(diff.mostChanged.prefix(top ?? Self.maximumCount))
        if !changes.isEmpty {
            lines += [""] + Self.table(changes.prefix(Self.shownCount).map { diff.changes[$0] })
            let rest = changes.dropFirst(Self.shownCount)
            if !rest.isEmpty {
                lines += ["", "<details><summary>\(rest.count) more</summary>", ""]
                lines += Self.table(rest.map { diff.changes[$0] }) + ["", "</details>"]
            }
            if diff.changes.count > changes.count {
                lines += ["", "… \(diff.changes.count - changes.count) more"]
            }
        }
        if !diff.facts.isEmpty {
            lines += ["", "| beside the weights | before | now |", "|:--|:--|:--|"]
            lines += diff.facts.map { fact in
                "| \(fact.source.rawValue) `\(Self.code(fact.key))` | \(Self.value(fact.old)) | \(Self.value(fact.new)) |"
            }
        }
        self.lines = lines
    }

    private static func table(_ changes: [WeightChange]) -> [String] {
        let head = [
            "| | parameter | rel. L2 | max abs | cosine | changed | |", "|:-:|:--|--:|--:|--:|--:|:--|",
        ]
        return head + changes.map { row($0) }
    }

    private static func row(_ change: WeightChange) -> String {
        var cells = [change.mark, "`\(code(change.path.shown))`"]
        if let statistics = change.statistics {
            cells.append(NumberText.short(statistics.relativeL2))
            cells.append(NumberText.short(statistics.maximumAbsolute))
            cells.append(statistics.cosineSimilarity.map(DiffText.cosine) ?? "")
            cells.append(NumberText.percent(statistics.changedShare))
        } else {
            cells += ["", "", "", ""]
        }
        cells.append(escaped(change.note))
        return "| " + cells.joined(separator: " | ") + " |"
    }

    private static func value(_ json: String?) -> String {
        json.map { "`\(code($0.count > 60 ? String($0.prefix(59)) + "…" : $0))`" } ?? ""
    }

    /// A text within backquotes and a cell of a table.
    private static func code(_ text: String) -> String {
        printable(text).replacing("`", with: "'").replacing("|", with: "\\|")
    }

    /// A text that is not to be read as Markdown.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in printable(text) {
            if "\\`*_{}[]<>#|".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }
}

extension ModuleRollup {
    /// The outermost modules of which there are several: a lone one says no more than the whole.
    fileprivate var topLevel: [ModuleRollup] {
        var module = self
        while module.changes.isEmpty, module.children.count == 1 { module = module.children[0] }
        return module.children.filter { $0.total.changeCount > 0 }
    }
}
