import Foundations
import RegistryJSON

/// Versions as boxes, from what came first at the left to what was made last at the right.
struct LineagePicture {
    private struct Box {
        let reference: String
        let note: String
        let isPresent: Bool
        let column: Int
        let row: Int
    }

    static let nodeLimit = 120

    private var boxes: [Box] = []
    /// From left to right.
    private var arrows: [(from: Int, to: Int)] = []
    private(set) var isCut = false
    private(set) var beforeCount = 0
    private(set) var afterCount = 0
    private var rows: [Int: Int] = [:]

    init(ancestors: LineageNode, descendants: LineageNode) {
        let start = add(ancestors, column: 0)
        grow(ancestors, from: start, column: 0, step: -1)
        beforeCount = boxes.count - 1
        grow(descendants, from: start, column: 0, step: 1)
        afterCount = boxes.count - 1 - beforeCount
    }

    private mutating func add(_ node: LineageNode, column: Int) -> Int {
        let row = rows[column, default: 0]
        rows[column] = row + 1
        var notes: [String] = []
        if let kind = node.kind { notes.append(kind == "merged" ? "merged" : "fine-tuned") }
        if let share = node.share { notes.append("\(NumberText.percent(share)) of bytes") }
        if node.skippedCount > 0 { notes.append("\(node.skippedCount) between") }
        if !node.isPresent { notes.append("not here") }
        boxes.append(
            Box(
                reference: node.reference, note: notes.joined(separator: ", "), isPresent: node.isPresent,
                column: column, row: row))
        return boxes.count - 1
    }

    private mutating func grow(_ node: LineageNode, from place: Int, column: Int, step: Int) {
        for child in node.from {
            guard boxes.count < LineagePicture.nodeLimit else {
                isCut = true
                return
            }
            let next = add(child, column: column + step)
            arrows.append(step < 0 ? (next, place) : (place, next))
            grow(child, from: next, column: column + step, step: step)
        }
    }

    func html(_ link: (String, HTML) -> HTML) -> HTML {
        let (width, height, gapX, gapY) = (190, 42, 50, 14)
        let first = boxes.map(\.column).min() ?? 0
        let last = boxes.map(\.column).max() ?? 0
        let most = rows.values.max() ?? 1
        let totalWidth = (last - first + 1) * (width + gapX) - gapX + 8
        let totalHeight = most * (height + gapY) - gapY + 8
        func place(_ box: Box) -> (x: Int, y: Int) {
            let count = rows[box.column] ?? 1
            let offset = (most - count) * (height + gapY) / 2
            return (4 + (box.column - first) * (width + gapX), 4 + offset + box.row * (height + gapY))
        }
        var svg: HTML = ""
        for arrow in arrows {
            let (a, b) = (place(boxes[arrow.from]), place(boxes[arrow.to]))
            let (x0, y0, x1, y1) = (a.x + width, a.y + height / 2, b.x, b.y + height / 2)
            svg += "<path d=\"M\(x0) \(y0)C\(x0 + 25) \(y0) \(x1 - 25) \(y1) \(x1) \(y1)\"/>"
        }
        for (index, box) in boxes.enumerated() {
            let (x, y) = place(box)
            let name: HTML =
                "<text x=\"\(x + 9)\" y=\"\(y + (box.note.isEmpty ? 26 : 18))\">\(LineagePicture.short(box.reference, 26))</text>"
            svg += "<g\(index == 0 ? " class=\"now\"" : "")><title>\(box.reference)</title>"
            svg += "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" rx=\"4\"/>"
            svg += box.isPresent ? link(box.reference, name) : name
            if !box.note.isEmpty {
                svg +=
                    "<text class=\"sub\" x=\"\(x + 9)\" y=\"\(y + 34)\">\(LineagePicture.short(box.note, 28))</text>"
            }
            svg += "</g>"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="Lineage"><svg class="tree" width="\(totalWidth)" height="\(totalHeight)" \
            viewBox="0 0 \(totalWidth) \(totalHeight)">\(svg)</svg></div>
            """
    }

    /// The end of a long name says more than its beginning.
    private static func short(_ text: String, _ limit: Int) -> String {
        let shown = printable(text)
        return shown.count <= limit ? shown : "…" + shown.suffix(limit - 1)
    }
}
