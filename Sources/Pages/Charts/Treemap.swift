import Foundations

/// Sizes as areas: squarified (Bruls, Huizing, van Wijk 2000), so that tiles are about as wide as they are high.
struct Treemap {
    struct Tile {
        let name: String
        let size: Int
        /// Of that, what is shared with nothing.
        let own: Int
        let address: PageAddress
    }

    private struct Area {
        var x: Double
        var y: Double
        var width: Double
        var height: Double
    }

    private let tiles: [Tile]
    private static let width = 960.0
    private static let height = 300.0

    init(_ tiles: [Tile]) { self.tiles = tiles.filter { $0.size > 0 }.sorted { $0.size > $1.size } }

    func html(_ link: (PageAddress, HTML) -> HTML) -> HTML {
        guard !tiles.isEmpty else { return "" }
        var svg: HTML = ""
        for (tile, area) in zip(tiles, areas()) { svg += draw(tile, area, link) }
        return """
            <figure><svg class="tiles" viewBox="0 0 \(Int(Treemap.width)) \(Int(Treemap.height))" role="img" \
            aria-label="sizes as areas">\(svg)</svg><figcaption>Areas are stored bytes; the coloured part belongs to nothing \
            else.</figcaption></figure>
            """
    }

    private func draw(_ tile: Tile, _ area: Area, _ link: (PageAddress, HTML) -> HTML) -> HTML {
        func rect(_ kind: HTML, _ height: Double) -> HTML {
            """
            <rect\(kind) x="\(Drawing.tenth(area.x))" y="\(Drawing.tenth(area.y + area.height - height))" \
            width="\(Drawing.tenth(area.width))" height="\(Drawing.tenth(height))"/>
            """
        }
        let share = min(1, Double(tile.own) / Double(tile.size))
        var inside: HTML =
            "<title>\(tile.name): \(ByteCount.text(tile.size)), \(ByteCount.text(tile.own)) of its own</title>"
        inside += rect("", area.height)
        inside += rect(" class=\"own\"", area.height * share)
        let room = Int((area.width - 10) / 7)
        if area.height > 20, room >= 4 {
            let shown = printable(tile.name)
            let name = shown.count <= room ? shown : "…" + shown.suffix(room - 1)
            inside +=
                "<text x=\"\(Drawing.tenth(area.x + 6))\" y=\"\(Drawing.tenth(area.y + 16))\">\(name)</text>"
            if area.height > 38 {
                inside +=
                    "<text x=\"\(Drawing.tenth(area.x + 6))\" y=\"\(Drawing.tenth(area.y + 32))\">\(ByteCount.text(tile.size))</text>"
            }
        }
        return link(tile.address, inside)
    }

    private func areas() -> [Area] {
        let total = tiles.reduce(0.0) { $0 + Double($1.size) }
        let scale = Treemap.width * Treemap.height / total
        var rest = Area(x: 0, y: 0, width: Treemap.width, height: Treemap.height)
        var areas: [Area] = []
        var sizes = tiles.map { Double($0.size) * scale }[...]
        while !sizes.isEmpty {
            let side = max(0.001, min(rest.width, rest.height))
            var row: [Double] = []
            while let next = sizes.first,
                row.isEmpty || Treemap.worst(row + [next], side) <= Treemap.worst(row, side)
            {
                row.append(next)
                sizes = sizes.dropFirst()
            }
            let sum = row.reduce(0, +)
            let depth = sum / side
            var offset = 0.0
            for size in row {
                let length = size / max(depth, 1e-9)
                areas.append(
                    rest.width >= rest.height
                        ? Area(x: rest.x, y: rest.y + offset, width: depth, height: length)
                        : Area(x: rest.x + offset, y: rest.y, width: length, height: depth))
                offset += length
            }
            if rest.width >= rest.height {
                rest.x += depth
                rest.width = max(0, rest.width - depth)
            } else {
                rest.y += depth
                rest.height = max(0, rest.height - depth)
            }
        }
        return areas
    }

    /// The worst ratio of sides in a row along `side`.
    private static func worst(_ row: [Double], _ side: Double) -> Double {
        let sum = row.reduce(0, +)
        let (most, least) = (row.max() ?? 0, max(row.min() ?? 0, 1e-9))
        return max(side * side * most / (sum * sum), sum * sum / (side * side * least))
    }
}
