import Foundations
import ModelReg

/// The elements of a tensor as a histogram, and of a matrix as a heat map of blocks.
struct TensorPicture: Sendable {
    /// Elements between two bounds.
    private let counts: [Int]
    private let low: Double
    private let high: Double
    private let elementCount: Int
    private let otherCount: Int
    /// Root mean squares of blocks, by row; NaN where a block has an element that is not finite.
    private let blocks: [[Double]]
    private let blockShape: (rows: Int, columns: Int)
    /// Rows that were read, of all.
    private let rowCount: Int
    private let isWhole: Bool

    private static let barCount = 61
    private static let blockCount = 48
    /// Bytes of a tensor that are read, and no more.
    private static let byteLimit = 32 << 20

    /// Whether elements are numbers that can be looked at.
    static func canRead(_ tensor: Manifest.TensorContent) -> Bool {
        tensor.shape.reduce(1, *) > 0 && !tensor.dtype.isComplex && tensor.dtype.byteWidth != nil
            && ElementKind.isNumber(tensor.dtype)
    }

    /// Reads a tensor: as many of its first rows as are bytes enough.
    ///
    /// - Throws: `RegistryError`.
    init(of reference: String, path: String, _ content: Manifest.TensorContent, in registry: Registry) throws {
        let shape = content.shape
        let rowBytes = max(1, content.byteCount / max(1, shape.first ?? 1))
        let tensor: Tensor
        if shape.isEmpty {
            let checkpoint: Checkpoint = try registry.load(reference, only: [Glob.escaped(path)])
            guard let only = TensorPicture.firstTensor(checkpoint) else { throw PageError.noPage }
            tensor = only
            isWhole = true
            rowCount = 1
        } else {
            let rows = max(1, min(shape[0], TensorPicture.byteLimit / rowBytes))
            guard rowBytes <= 4 * TensorPicture.byteLimit else {
                throw PageError.invalid("one row is too long to be drawn")
            }
            tensor = try registry.load(reference, path: path, rows: 0..<rows)
            isWhole = rows == shape[0]
            rowCount = rows
        }
        let values = tensor.doubles()
        let finite = values.filter(\.isFinite)
        elementCount = values.count
        otherCount = values.count - finite.count
        low = finite.min() ?? 0
        high = finite.max() ?? 0
        var counts = [Int](repeating: 0, count: TensorPicture.barCount)
        let width = high / 2 - low / 2
        for value in finite {
            let place = width > 0 ? (value / 2 - low / 2) / width * Double(counts.count) : 0
            counts[min(counts.count - 1, max(0, Int(place)))] += 1
        }
        self.counts = counts
        guard shape.count >= 2, let rows = shape.first, rows > 1 else {
            blocks = []
            blockShape = (0, 0)
            return
        }
        let columns = values.count / rowCount
        (blocks, blockShape) = TensorPicture.blocks(values, rows: rowCount, columns: columns)
    }

    private static func firstTensor(_ checkpoint: Checkpoint) -> Tensor? {
        var found: Tensor?
        func look(_ value: Checkpoint) {
            switch value {
            case .tensor(let tensor, _): if found == nil { found = tensor }
            case .list(let items), .tuple(let items): items.forEach(look)
            case .dictionary(let dictionary): dictionary.entries.values.forEach(look)
            default: break
            }
        }
        look(checkpoint)
        return found
    }

    private static func blocks(_ values: [Double], rows: Int, columns: Int) -> ([[Double]], (Int, Int)) {
        guard columns > 1 else { return ([], (0, 0)) }
        let down = (rows + blockCount - 1) / blockCount
        let across = (columns + blockCount - 1) / blockCount
        let height = (rows + down - 1) / down
        let width = (columns + across - 1) / across
        var sums = [[Double]](repeating: [Double](repeating: 0, count: width), count: height)
        var counts = [[Int]](repeating: [Int](repeating: 0, count: width), count: height)
        for row in 0..<rows {
            for column in 0..<columns {
                let value = values[row * columns + column]
                sums[row / down][column / across] += value * value
                counts[row / down][column / across] += 1
            }
        }
        for row in 0..<height {
            for column in 0..<width {
                let mean = sums[row][column] / Double(max(1, counts[row][column]))
                sums[row][column] = mean.isFinite ? mean.squareRoot() : .nan
            }
        }
        return (sums, (down, across))
    }

    // MARK: Drawing

    var html: HTML {
        let part: HTML = isWhole ? "" : " of the first \(HTML.count(rowCount, "row"))"
        let bad: HTML = otherCount > 0 ? ", <span class=\"bad\">\(otherCount) not finite</span>" : ""
        var html: HTML = """
            <div class="cols"><figure>\(histogram)<figcaption>\(HTML.count(elementCount, "element"))\(part) by value, from \
            \(HTML.number(low)) to \(HTML.number(high))\(bad).</figcaption></figure>
            """
        if !blocks.isEmpty {
            html += """
                <figure>\(map)<figcaption>Root mean square of blocks of \(blockShape.rows) × \(blockShape.columns) elements\(part): \
                dark is \(HTML.number(blocks.joined().filter(\.isFinite).max() ?? 0)).</figcaption></figure>
                """
        }
        return html + "</div>"
    }

    private var histogram: HTML {
        let greatest = Double(counts.max() ?? 1)
        var bars: HTML = ""
        for (index, count) in counts.enumerated() where count > 0 {
            let height = max(1, Double(count) / max(1, greatest) * 120)
            let from = low + (high - low) * Double(index) / Double(counts.count)
            bars += """
                <rect x="\(Drawing.tenth(30 + Double(index) * 7))" y="\(Drawing.tenth(130 - height))" width="6" \
                height="\(Drawing.tenth(height))"><title>\(count) from \(NumberText.short(from))</title></rect>
                """
        }
        return """
            <svg class="hist" viewBox="0 0 480 160" role="img" aria-label="histogram of elements"><g class="grid">\
            <path d="M30 130H458"/><text x="30" y="148">\(NumberText.short(low))</text>\
            <text x="458" y="148" text-anchor="end">\(NumberText.short(high))</text>\
            <text x="30" y="10">\(counts.max() ?? 0) elements</text></g>\(bars)</svg>
            """
    }

    private var map: HTML {
        let greatest = blocks.joined().filter(\.isFinite).max() ?? 0
        let (height, width) = (blocks.count, blocks.first?.count ?? 1)
        let size = max(2, min(16, 460 / max(width, 1)))
        var cells: HTML = ""
        for (y, row) in blocks.enumerated() {
            for (x, value) in row.enumerated() {
                let place: HTML = "x=\"\(x * size)\" y=\"\(y * size)\" width=\"\(size)\" height=\"\(size)\""
                if value.isNaN {
                    cells += "<rect class=\"bad\" \(place)/>"
                } else {
                    let share = greatest > 0 ? value / greatest : 0
                    cells += "<rect \(place) opacity=\"\(String(Int((share * 100).rounded())))%\"/>"
                }
            }
        }
        return """
            <svg class="cells" viewBox="0 0 \(max(460, width * size)) \(height * size)" role="img" aria-label="heat map of blocks">\
            \(cells)<rect class="out" x="0" y="0" width="\(width * size)" height="\(height * size)"/></svg>
            """
    }
}

/// Which types are numbers that are widened to doubles.
private enum ElementKind {
    static func isNumber(_ dtype: DType) -> Bool {
        switch dtype {
        case .bool, .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64, .float16, .bfloat16,
            .float32,
            .float64:
            true
        default: false
        }
    }
}

extension Glob {
    /// A pattern that stands for the text alone.
    static func escaped(_ text: String) -> String {
        var pattern = ""
        for scalar in text.unicodeScalars {
            if "*?[]\\".unicodeScalars.contains(scalar) { pattern += "\\" }
            pattern.unicodeScalars.append(scalar)
        }
        return pattern
    }
}
