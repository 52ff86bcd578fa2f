import Foundations

/// A table: numbers at the right, sorted by a script where there is one.
struct TableMarkup {
    enum Kind {
        case text
        /// At the right.
        case number
        /// That may be long: broken anywhere.
        case long
        /// The same, of a path: there is room for most.
        case path
        /// On one line.
        case short
    }

    private let columns: [(name: HTML, kind: Kind)]
    private var rows: HTML = ""
    private(set) var rowCount = 0
    private let caption: HTML
    private let isSorted: Bool

    /// - Parameters:
    ///   - caption: What it lists, for those who do not see it.
    ///   - isSorted: Whether a script may put the rows in another order.
    init(_ caption: HTML, _ columns: [(HTML, Kind)], isSorted: Bool = true) {
        self.caption = caption
        self.isSorted = isSorted
        self.columns = columns.map { (name: $0.0, kind: $0.1) }
    }

    /// A cell, and the value to sort by where that is not its text.
    struct Cell: ExpressibleByStringInterpolation {
        let html: HTML
        let value: Double?
        let heat: Int?
        /// How deep it stands in a tree.
        var depth = 0

        init(_ html: HTML, value: Double? = nil, heat: Int? = nil) {
            self.html = html
            self.value = value
            self.heat = heat
        }

        init(stringLiteral value: String) { self.init(HTML(stringLiteral: value)) }

        init(stringInterpolation: HTML.StringInterpolation) {
            self.init(HTML(stringInterpolation: stringInterpolation))
        }

        /// A number in short.
        static func number(_ value: Double?, heat: Int? = nil) -> Cell {
            guard let value else { return Cell("") }
            let isBad = !value.isFinite
            let text: HTML = "\(NumberText.short(value))"
            return Cell(isBad ? "<span class=\"bad\">\(text)</span>" : text, value: value, heat: heat)
        }

        static func count(_ value: Int?) -> Cell {
            guard let value else { return Cell("") }
            return Cell("\(value)", value: Double(value))
        }

        static func bytes(_ value: Int?) -> Cell {
            guard let value else { return Cell("") }
            return Cell("\(ByteCount.text(value))", value: Double(value))
        }

        /// A count that ought to be zero.
        static func alarm(_ value: Int?) -> Cell {
            guard let value else { return Cell("") }
            return Cell(
                value == 0 ? "<span class=\"dim\">0</span>" : "<span class=\"bad\">\(value)</span>",
                value: Double(value))
        }
    }

    mutating func add(_ cells: [Cell], isMarked: Bool = false) {
        rowCount += 1
        rows += isMarked ? "<tr class=\"now\">" : "<tr>"
        for (column, cell) in zip(columns, cells) {
            var classes: [String] =
                switch column.kind {
                case .text: []
                case .number: ["n"]
                case .long: ["w"]
                case .path: ["w", "p"]
                case .short: ["nw"]
                }
            if cell.depth > 0 { classes.append("i\(min(8, cell.depth))") }
            if let heat = cell.heat { classes.append("h\(heat)") }
            let mark: HTML = classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\""
            let value: HTML = cell.value.map { $0.isFinite ? " data-v=\"\("\($0)")\"" : " data-v=\"\"" } ?? ""
            rows += "<td\(mark)\(value)>\(cell.html)</td>"
        }
        rows += "</tr>\n"
    }

    var html: HTML {
        var head: HTML = ""
        for column in columns {
            let isNumber = if case .number = column.kind { true } else { false }
            head += "<th scope=\"col\"\(isNumber ? " class=\"n\"" : "")>\(column.name)</th>"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="\(caption)"><table\(isSorted ? " class=\"sort\"" : "")><thead><tr>\(head)\
            </tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }
}

/// Names and what there is to say about each.
struct FactList {
    private var items: HTML = ""
    private(set) var isEmpty = true

    mutating func add(_ name: HTML, _ value: HTML?) {
        guard let value, !value.markup.isEmpty else { return }
        isEmpty = false
        items += "<dt>\(name)</dt><dd>\(value)</dd>"
    }

    var html: HTML { isEmpty ? "" : "<dl>\(items)</dl>" }
}
