import ModelReg
import RegistryJSON

/// The lines that a diff is shown in: modules, and the parameters in them.
struct DiffTree {
    /// A module or a parameter.
    struct Row {
        /// `M`, `+`, `-`, `R`; nothing for a module.
        var mark = ""
        var indent = 0
        var name: String
        var relativeL2: Double?
        var maximumAbsolute: Double?
        var cosine: Double?
        var changedShare: Double?
        /// What numbers cannot say.
        var note = ""
        /// Whether something is worse than before: NaN, infinity.
        var isAlarming = false
    }

    /// So many lines are still seen at a glance.
    static let plentyOfRows = 40

    /// The lines.
    let rows: [Row]
    /// What is not shown, and how to see it; `nil` where all is.
    let omission: String?

    /// - Parameters:
    ///   - sorted: Whether the greatest relative change comes first, among the parts of each module.
    ///   - top: Only so many parameters, those that changed most, without their modules.
    ///   - depth: Modules below are summed up; `nil` for as deep as fits a screen.
    init(_ diff: ModelDiff, sorted: Bool, top: Int?, depth: Int?) {
        if let top {
            let changes = diff.mostChanged
            rows = changes.prefix(top).map { Row(diff.changes[$0], name: nil, indent: 0) }
            omission = changes.count > top ? "… \(changes.count - top) more" : nil
            return
        }
        let root = diff.modules
        func lines(depth: Int) -> [Row] {
            var builder = Builder(diff: diff, isSorted: sorted, depth: depth)
            builder.add(root, indent: 0)
            return builder.rows
        }
        let all = lines(depth: depth ?? .max)
        guard depth == nil, all.count > Self.plentyOfRows else {
            self.rows = all
            omission = nil
            return
        }
        var shown = lines(depth: 1)
        var depth = 2
        while true {
            let next = lines(depth: depth)
            guard next.count <= Self.plentyOfRows, next.count < all.count else { break }
            shown = next
            depth += 1
        }
        self.rows = shown
        omission = "… modules are summed up; --depth \(depth) or --top 20 shows more"
    }

    private struct Builder {
        let diff: ModelDiff
        let isSorted: Bool
        let depth: Int
        var rows: [Row] = []

        private enum Part {
            case change(Int)
            case module(ModuleRollup)
        }

        mutating func add(_ module: ModuleRollup, indent: Int) {
            var parts = module.changes.map { Part.change($0) }
            parts += module.childrenInOrder.filter { $0.total.changeCount > 0 }.map { Part.module($0) }
            if isSorted {
                parts.sort { weight($0) > weight($1) }
            }
            for part in parts {
                switch part {
                case .change(let index):
                    rows.append(Row(diff.changes[index], name: diff.changes[index].shownName, indent: indent))
                case .module(var module):
                    // Modules of which each has nothing but the next are one line.
                    let parentLength = module.path.count - module.name.count
                    while module.changes.isEmpty, module.children.count == 1 { module = module.children[0] }
                    let name = String(module.path.dropFirst(parentLength))
                    // A parameter alone in its module needs no line for that.
                    if module.total.leafCount == 1, let index = module.changes.first {
                        let path = diff.changes[index].path.text.dropFirst(parentLength)
                        rows.append(Row(diff.changes[index], name: String(path), indent: indent))
                        continue
                    }
                    rows.append(Row(module.total, name: name, indent: indent))
                    if indent + 1 < depth { add(module, indent: indent + 1) }
                }
            }
        }

        private func weight(_ part: Part) -> Double {
            switch part {
            case .change(let index): diff.changes[index].statistics?.relativeL2 ?? -1
            case .module(let module): module.total.isCompared ? module.total.relativeL2 : -1
            }
        }
    }
}

extension ModuleRollup {
    /// The modules in it; numbered ones by number, as files that sort names as texts do not have them.
    fileprivate var childrenInOrder: [ModuleRollup] {
        let numbers = children.compactMap { Int($0.name) }
        guard numbers.count == children.count else { return children }
        return zip(numbers, children).sorted { $0.0 < $1.0 }.map(\.1)
    }
}

extension ModelDiff {
    /// The changes, those of the greatest relative change first, those without one last.
    var mostChanged: [Int] {
        changes.indices.sorted { left, right in
            let (a, b) = (
                changes[left].statistics?.relativeL2 ?? -1, changes[right].statistics?.relativeL2 ?? -1
            )
            return a == b ? left < right : a > b
        }
    }
}

extension WeightChange {
    /// One letter, as version control shows it.
    var mark: String {
        switch kind {
        case .added: "+"
        case .removed: "-"
        case .renamed, .moved: "R"
        case .changed: "M"
        }
    }

    /// The parameter's name within its module; the root has none of its own.
    fileprivate var shownName: String {
        path.text.isEmpty ? path.shown : ModulePath(path).name
    }

    /// What the numbers do not say: types, shapes, values, ties, NaN.
    var note: String {
        let (before, now) = (old?.text ?? "", new?.text ?? "")
        var parts: [String] = []
        switch kind {
        case .added: parts.append(now)
        case .removed: parts.append(before)
        case .renamed, .moved: parts.append("from \(oldPath?.shown ?? "")")
        case .changed:
            if case .value? = old, case .value? = new {
                parts.append("\(before) -> \(now)")
            } else if !differences.isDisjoint(with: [.type, .dtype, .shape]) {
                parts.append("\(before) -> \(now)")
            }
        }
        if let comparison, !comparison.isWhole { parts.append("compared in \(comparison.shape)") }
        switch tie {
        case .made?: parts.append("now tied")
        case .broken?: parts.append("no longer tied")
        case .changed?: parts.append("tied to others than before")
        case nil: break
        }
        parts += alarms
        if differences == [.value], statistics == nil, case .tensor? = new { parts.append("values changed") }
        return parts.joined(separator: ", ")
    }

    /// NaN and infinity that appeared or went away.
    var alarms: [String] {
        guard let statistics else { return [] }
        let counts = [
            (statistics.appearedNaNCount, "NaN appeared"), (statistics.goneNaNCount, "NaN gone"),
            (statistics.appearedInfinityCount, "infinite appeared"),
            (statistics.goneInfinityCount, "infinite gone"),
        ]
        return counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    }
}

extension DiffTree.Row {
    /// A parameter; by its whole path where `name` is `nil`.
    fileprivate init(_ change: WeightChange, name: String?, indent: Int) {
        self.init(mark: change.mark, indent: indent, name: name ?? change.path.shown)
        note = change.note
        guard let statistics = change.statistics else { return }
        relativeL2 = statistics.relativeL2
        maximumAbsolute = statistics.maximumAbsolute
        cosine = statistics.cosineSimilarity
        changedShare = statistics.changedShare
        isAlarming = statistics.appearedNaNCount + statistics.appearedInfinityCount > 0
    }

    /// A module.
    fileprivate init(_ total: ModuleRollup.Total, name: String, indent: Int) {
        self.init(indent: indent, name: name)
        note = "\(total.changeCount) of \(total.leafCount)"
        if total.appearedNaNCount > 0 {
            note += ", \(total.appearedNaNCount) NaN appeared"
            isAlarming = true
        }
        guard total.isCompared else { return }
        relativeL2 = total.relativeL2
        maximumAbsolute = total.maximumAbsolute
        changedShare = total.changedShare
    }
}
