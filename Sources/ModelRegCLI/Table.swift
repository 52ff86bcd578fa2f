/// Rows in aligned columns, two spaces apart.
struct Table {
    /// How a column is aligned.
    enum Alignment {
        case left
        case right
    }

    private let alignments: [Alignment]
    private var rows: [[String]]

    init(_ columns: [(String, Alignment)]) {
        alignments = columns.map(\.1)
        rows = [columns.map(\.0)]
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    /// The lines, the column heads first. The last column is not padded.
    var lines: [String] {
        let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                switch alignments[column] {
                case .right: return padding + text
                case .left: return column == row.count - 1 ? text : text + padding
                }
            }
            let line = cells.joined(separator: "  ")
            return line.reversed().drop { $0 == " " }.reversed().map(String.init).joined()
        }
    }
}
