/// A page of a table or index.
struct BTreePage {
    enum Kind: UInt8 {
        case indexInterior = 2
        case tableInterior = 5
        case indexLeaf = 10
        case tableLeaf = 13

        var isLeaf: Bool { self == .indexLeaf || self == .tableLeaf }
        var isTable: Bool { self == .tableLeaf || self == .tableInterior }
    }

    /// A row or key, or a part of it.
    struct Cell {
        /// The number of the row; `nil` in indexes and in tables without row ids.
        let rowID: Int64?
        /// Where it begins on its page.
        let offset: Int
        /// Length of the record.
        let payloadByteCount: Int
        /// Where the first part of it is.
        let local: Range<Int>
        /// The page where the rest begins; `nil` where all of it is here.
        let overflow: Int?
    }

    let kind: Kind
    let bytes: [UInt8]
    /// Whether something on the page is impossible.
    private(set) var isDamaged = false
    /// Where cells begin.
    private var cellOffsets: [Int] = []
    private let rightChild: Int?
    private let usableByteCount: Int

    /// - Returns: `nil` where the page is none of a tree.
    init?(_ bytes: [UInt8], number: Int, usableByteCount: Int) {
        let start = number == 1 ? PageFile.headerByteCount : 0
        guard let kind = Kind(rawValue: bytes[start]) else { return nil }
        self.kind = kind
        self.bytes = bytes
        self.usableByteCount = usableByteCount
        let numbers = BigEndianBytes(bytes)
        let cellCount = numbers.integer16(at: start + 3)
        let pointers = start + (kind.isLeaf ? 8 : 12)
        rightChild = kind.isLeaf ? nil : numbers.integer32(at: start + 8)
        let end = pointers + 2 * cellCount
        guard end <= usableByteCount else { return nil }
        var seen: Set<Int> = []
        for index in 0..<cellCount {
            let offset = numbers.integer16(at: pointers + 2 * index)
            // A cell has four bytes at least, and one pointer to it.
            if offset >= end, offset + 4 <= usableByteCount, seen.insert(offset).inserted {
                cellOffsets.append(offset)
            } else {
                isDamaged = true
            }
        }
    }

    /// The pages below this one, in order; empty on a leaf.
    var children: [Int] {
        guard !kind.isLeaf else { return [] }
        let numbers = BigEndianBytes(bytes)
        return cellOffsets.map { numbers.integer32(at: $0) } + [rightChild].compactMap { $0 }
    }

    /// The cells that can be read. Interior pages of tables have none.
    var cells: [Cell] { kind == .tableInterior ? [] : cellOffsets.compactMap(cell) }

    /// Number of cells, those that cannot be read included.
    var cellCount: Int { cellOffsets.count }

    private func cell(at offset: Int) -> Cell? {
        var numbers = VariableIntegers(
            bytes, at: kind == .indexInterior ? offset + 4 : offset, end: usableByteCount)
        guard let count = numbers.next(), count >= 0, count < 1 << 31 else { return nil }
        var rowID: Int64?
        if kind.isTable {
            guard let number = numbers.next() else { return nil }
            rowID = number
        }
        let (payloadByteCount, start) = (Int(count), numbers.position)
        let localByteCount = localByteCount(of: payloadByteCount)
        let isWhole = localByteCount == payloadByteCount
        guard start + localByteCount + (isWhole ? 0 : 4) <= usableByteCount else { return nil }
        return Cell(
            rowID: rowID, offset: offset, payloadByteCount: payloadByteCount,
            local: start..<start + localByteCount,
            overflow: isWhole ? nil : BigEndianBytes(bytes).integer32(at: start + localByteCount))
    }

    /// How much of a record is in its cell. Source: "Cell Payload Overflow Pages" in SQLite's file format.
    private func localByteCount(of payloadByteCount: Int) -> Int {
        let usable = usableByteCount
        let maximum = kind == .tableLeaf ? usable - 35 : (usable - 12) * 64 / 255 - 23
        guard payloadByteCount > maximum else { return payloadByteCount }
        let minimum = (usable - 12) * 32 / 255 - 23
        let local = minimum + (payloadByteCount - minimum) % (usable - 4)
        return local <= maximum ? local : minimum
    }
}
