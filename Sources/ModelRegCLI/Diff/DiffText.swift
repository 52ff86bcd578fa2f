import Foundations
import ModelReg
import RegistryJSON

/// A diff for people.
enum DiffText {
    /// The tree, with bars.
    static func lines(_ diff: ModelDiff, _ tree: DiffTree) -> [String] {
        if diff.isEmpty {
            return [sameness(diff)] + facts(diff)
        }
        var lines: [String] = []
        let hasNumbers = tree.rows.contains { $0.relativeL2 != nil }
        if hasNumbers {
            lines = table(tree)
        } else {
            let names = tree.rows.map { name($0, hasMarks: true) }
            let width = min(60, names.map(\.count).max() ?? 0)
            lines = zip(tree.rows, names).map { row, name in
                let padding = String(repeating: " ", count: max(0, width - name.count))
                return style(row)(name) + (row.note.isEmpty ? "" : "\(padding)  \(row.note)")
            }
        }
        if let omission = tree.omission { lines.append(Style.dim(omission)) }
        if diff.isStructureChanged {
            lines.append(Style.yellow("M") + " order of keys or type of containers changed")
        }
        return lines + facts(diff) + [summary(diff)]
    }

    private static let barWidth = 20

    private static func table(_ tree: DiffTree) -> [String] {
        let greatest = tree.rows.compactMap(\.relativeL2).filter(\.isFinite).max() ?? 0
        var table = Table([
            ("", .left), ("REL_L2", .right), ("", .left), ("MAX_ABS", .right), ("COSINE", .right),
            ("CHANGED", .right), ("", .left),
        ])
        let names = tree.rows.map { name($0, hasMarks: true) }
        for (row, name) in zip(tree.rows, names) {
            let bar = row.relativeL2.map { relative in
                relative.isFinite
                    ? NumberText.bar(greatest > 0 ? relative / greatest : 0, width: barWidth)
                    : String(repeating: "█", count: barWidth)
            }
            table.add([
                name, row.relativeL2.map(NumberText.short) ?? "", bar ?? "",
                row.maximumAbsolute.map(NumberText.short) ?? "", row.cosine.map(cosine) ?? "",
                row.changedShare.map(NumberText.percent) ?? "", row.note,
            ])
        }
        // Colour takes no room: it goes on when the columns are aligned.
        let lines = table.lines
        return [Style.dim(lines[0])]
            + zip(lines.dropFirst(), zip(tree.rows, names)).map { line, row in
                style(row.0)(row.1) + line.dropFirst(row.1.count)
            }
    }

    private static func name(_ row: DiffTree.Row, hasMarks: Bool) -> String {
        let indent = String(repeating: "  ", count: row.indent)
        return indent + (row.mark.isEmpty ? "" : row.mark + " ") + printable(row.name)
    }

    private static func style(_ row: DiffTree.Row) -> Style {
        if row.isAlarming { return .red }
        switch row.mark {
        case "+": return .green
        case "-": return .red
        case "": return .bold
        default: return .yellow
        }
    }

    /// Near 1, what matters is how far from it.
    static func cosine(_ cosine: Double) -> String {
        let distance = 1 - cosine
        // Below that is rounding.
        if distance < 1e-15 { return "1" }
        return distance < 0.0005 ? "1-\(NumberText.short(distance))" : NumberText.short(cosine)
    }

    /// What happened to each path.
    static func names(_ diff: ModelDiff) -> [String] {
        if diff.isEmpty { return [sameness(diff)] }
        let table = diff.changes.map { change in
            let path = change.path.shown
            switch change.kind {
            case .added: return (change, path, change.new?.text ?? "", Style.green)
            case .removed: return (change, path, change.old?.text ?? "", Style.red)
            case .renamed, .moved:
                return (change, "\(change.oldPath?.shown ?? "") -> \(path)", change.new?.text ?? "", .yellow)
            case .changed:
                let note = change.note
                let isTensor = if case .tensor? = change.new { true } else { false }
                let isOfOneKind = change.differences.isDisjoint(with: [.type, .dtype, .shape])
                let what = isTensor && isOfOneKind ? "\(change.new?.text ?? "")  \(note)" : note
                return (change, path, what, .yellow)
            }
        }
        let width = min(60, table.map(\.1.count).max() ?? 0)
        var lines = table.map { change, path, text, style in
            let padding = String(repeating: " ", count: max(0, width - path.count))
            return style("\(change.mark) \(printable(path))") + "\(padding)  \(text)"
        }
        if diff.isStructureChanged {
            lines.append(Style.yellow("M") + " order of keys or type of containers changed")
        }
        return lines + [summary(diff)]
    }

    /// What changed beside the weights.
    static func facts(_ diff: ModelDiff) -> [String] {
        diff.facts.map { fact in
            let mark = fact.old == nil ? "+" : fact.new == nil ? "-" : "M"
            let style: Style = fact.old == nil ? .green : fact.new == nil ? .red : .yellow
            let values = [fact.old, fact.new].compactMap { $0.map(shortened) }.joined(separator: " -> ")
            return style("\(mark) \(fact.source.rawValue) \(printable(fact.key))") + "  \(values)"
        }
    }

    private static func shortened(_ json: String) -> String {
        printable(json.count > 60 ? String(json.prefix(59)) + "…" : json)
    }

    /// That the weights are the same, and whether all else is.
    private static func sameness(_ diff: ModelDiff) -> String {
        let values = count(diff.unchangedCount, "value")
        return diff.isSameModel ? "no differences in \(values)" : "no differences in the weights, \(values)"
    }

    /// Such as `4 changed, 1 added, 2 unchanged`.
    static func summary(_ diff: ModelDiff) -> String {
        let kinds: [WeightChange.Kind] = [.changed, .added, .removed, .renamed, .moved]
        let said = kinds.map { ($0, diff.count(of: $0)) }.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }
        return (said + ["\(diff.unchangedCount) unchanged"]).joined(separator: ", ")
    }

    static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}

/// What conditions came to, for people.
enum GateText {
    /// Tensors listed for each condition.
    private static let limit = 20

    static func lines(_ outcomes: [DiffGate.Outcome], _ diff: ModelDiff) -> [String] {
        outcomes.filter(\.holds).flatMap { outcome -> [String] in
            let head = Style.red("failed: \(outcome.condition)")
            let listed = outcome.changes.prefix(limit).map { index in
                let change = diff.changes[index]
                return (["  " + printable(change.path.shown)] + values(outcome.quantities, of: change)).joined(
                    separator: "  ")
            }
            let rest = outcome.changes.count - listed.count
            return [head] + listed + (rest > 0 ? ["  … \(rest) more"] : [])
        }
    }

    private static func values(_ quantities: [DiffQuantity], of change: WeightChange) -> [String] {
        quantities.filter { $0 != .path }.compactMap { quantity in
            switch quantity.value(of: change) {
            case .number(let number)?: return "\(quantity.rawValue) \(NumberText.short(number))"
            case .text(let text)?: return "\(quantity.rawValue) \(printable(text))"
            default: return nil
            }
        }
    }
}
