import Foundations

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

    mutating func add(_ row: [String]) { rows.append(row.map({ printable($0) })) }

    /// The lines, the column heads first. The last column is not padded.
    var lines: [String] {
        let counts = rows.map { row in row.map(\.count) }
        let widths = alignments.indices.map { column in counts.map { $0[column] }.max() ?? 0 }
        return zip(rows, counts).map { row, counts in
            // Nothing is written after the last cell that has something.
            let end = (row.lastIndex { !$0.isEmpty } ?? -1) + 1
            var line = ""
            for column in 0..<end {
                let padding = String(repeating: " ", count: widths[column] - counts[column])
                switch alignments[column] {
                case .right: line += padding + row[column]
                case .left: line += column == end - 1 ? row[column] : row[column] + padding
                }
                if column < end - 1 { line += "  " }
            }
            return line
        }
    }
}
