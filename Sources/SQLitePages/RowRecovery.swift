/// Reads what rows a damaged SQLite file still has.
///
/// Trees are walked from their roots. Pages that are not reached, since a page above them is damaged, are found by the
/// pointer map, or by what their rows look like.
package final class RowRecovery {
    /// A table or index to read.
    package struct Tree: Hashable, Sendable {
        package let shape: TreeShape
        /// The page of its root.
        package let root: Int

        package init(shape: TreeShape, root: Int) {
            self.shape = shape
            self.root = root
        }
    }

    /// What became of a tree.
    package struct Outcome: Hashable, Sendable {
        /// Rows that were read.
        package fileprivate(set) var rowCount = 0
        /// Pages that should be of the tree and are not.
        package fileprivate(set) var damagedPageCount = 0
        /// Rows that cannot be read.
        package fileprivate(set) var damagedRowCount = 0
        /// Whether all pages and rows were whole, as far as can be seen.
        package var isWhole: Bool { damagedPageCount + damagedRowCount == 0 }
    }

    private let file: PageFile
    private let map: PointerMap
    /// Which tree a page belongs to, by its number since the beginning; -1: none.
    private var owners: [Int32]
    private var treeCount = 0
    /// Which cell an overflow page was read for, by its place in the file; -1: none. Another one does not get it.
    private var readers: [Int]
    /// Bytes of lost pages that may still be made up: of a damaged file, a page could claim any number of long records.
    private var spareByteCount: Int

    package init(_ file: PageFile) {
        self.file = file
        map = PointerMap(file)
        owners = Array(repeating: -1, count: file.pageCount + 1)
        readers = Array(repeating: -1, count: file.pageCount + 1)
        spareByteCount = file.pageCount * file.layout.pageByteCount
    }

    /// The rows of the table of tables, which begins on the first page; empty where that is damaged.
    ///
    /// - Returns: Names of tables and indexes, and the pages of their roots.
    package func roots() -> [String: Int] {
        let columns = ["type", "name", "tbl_name", "rootpage", "sql"].map {
            TreeShape.Column(name: $0, type: $0 == "rootpage" ? "INTEGER" : "TEXT", isOptional: true)
        }
        let shape = TreeShape(table: "sqlite_schema", columns: columns, rowIDColumn: nil, isIndex: false)
        var roots: [String: Int] = [:]
        _ = forEachRow(of: [Tree(shape: shape, root: 1)]) { _, values in
            guard case .text(let name) = values[1], case .integer(let root) = values[3], root > 0 else {
                return
            }
            roots[String(decoding: name, as: UTF8.self)] = Int(exactly: root)
        }
        return roots
    }

    /// Calls `body` with each row of each tree, trees in order, and then with the rows of pages that are no longer reached,
    /// but by the pointer map belong to one of them.
    ///
    /// Pages that an earlier call has read are left out.
    ///
    /// - Parameter body: Called with the tree, by its place in `trees`, and the values in the order of its shape.
    /// - Complexity: O(pages) reads, and O(longest row) memory.
    package func forEachRow(
        of trees: [Tree], _ body: (Int, [SQLiteValue]) throws -> Void
    ) rethrows -> [Outcome] {
        var outcomes = Array(repeating: Outcome(), count: trees.count)
        let first = Int32(treeCount)
        treeCount += trees.count
        for (index, tree) in trees.enumerated() {
            try walk(tree, as: first + Int32(index), &outcomes[index]) { try body(index, $0) }
        }
        let roots = Dictionary(trees.enumerated().map { ($1.root, first + Int32($0)) }) { first, _ in first }
        for page in strays {
            guard let owner = owner(of: page, roots), owner >= first else { continue }
            let index = Int(owner - first)
            guard let found = read(page), isLikely(found, trees[index].shape) else { continue }
            owners[page] = owner
            try forEachRow(found, page, trees[index].shape, &outcomes[index]) { try body(index, $0) }
        }
        return outcomes
    }

    /// Calls `body` with each row of a tree's kind on the pages that are of no tree: perhaps of this one, perhaps of
    /// another one whose rows look the same.
    ///
    /// - Returns: The number of rows.
    package func forEachLikelyRow(
        of shape: TreeShape, _ body: ([SQLiteValue]) throws -> Void
    ) rethrows -> Int {
        var outcome = Outcome()
        for page in strays {
            guard let found = read(page), isLikely(found, shape) else { continue }
            try forEachRow(found, page, shape, &outcome, body)
        }
        return outcome.rowCount
    }

    // MARK: Trees

    private func walk(
        _ tree: Tree, as owner: Int32, _ outcome: inout Outcome, _ body: ([SQLiteValue]) throws -> Void
    ) rethrows {
        var stack = [tree.root]
        while let page = stack.popLast() {
            guard page >= 1, owners.indices.contains(page), owners[page] < 0, let found = read(page),
                isLikely(found, tree.shape)
            else {
                outcome.damagedPageCount += 1
                continue
            }
            owners[page] = owner
            if found.isDamaged { outcome.damagedPageCount += 1 }
            stack += found.children.reversed()
            try forEachRow(found, page, tree.shape, &outcome, body)
        }
    }

    private func read(_ page: Int) -> BTreePage? {
        guard !map.mapPages.contains(page), let bytes = file.page(page) else { return nil }
        return BTreePage(bytes, number: page, usableByteCount: file.usableByteCount)
    }

    /// Whether most rows of a page look like those of a tree.
    private func isLikely(_ page: BTreePage, _ shape: TreeShape) -> Bool {
        guard page.kind.isTable != shape.isIndex else { return false }
        if page.kind == .tableInterior { return true }
        return 2 * page.cells.count { isLikely($0, of: page, shape) } >= page.cellCount
    }

    private func forEachRow(
        _ page: BTreePage, _ number: Int, _ shape: TreeShape, _ outcome: inout Outcome,
        _ body: ([SQLiteValue]) throws -> Void
    ) rethrows {
        guard page.kind != .tableInterior else { return }
        let cells = page.cells
        outcome.damagedRowCount += page.cellCount - cells.count
        for cell in cells {
            guard let row = row(cell, of: page, number, shape) else {
                outcome.damagedRowCount += 1
                continue
            }
            outcome.rowCount += 1
            try body(row)
        }
    }

    private func isLikely(_ cell: BTreePage.Cell, of page: BTreePage, _ shape: TreeShape) -> Bool {
        // Where a record is long, its types are in its cell all the same.
        Record.kinds(Array(page.bytes[cell.local])).map(shape.fits) == true
    }

    private func row(_ cell: BTreePage.Cell, of page: BTreePage, _ number: Int, _ shape: TreeShape)
        -> [SQLiteValue]?
    {
        guard isLikely(cell, of: page, shape) else { return nil }
        var record = Array(page.bytes[cell.local])
        guard complete(&record, cell, number) else { return nil }
        return Record.values(record).map { shape.row($0, rowID: cell.rowID) }
    }

    /// Reads the rest of a long record. What cannot be read is zero: of many chunks in one pack, the others are whole.
    ///
    /// - Returns: Whether the record has its length.
    private func complete(_ record: inout [UInt8], _ cell: BTreePage.Cell, _ number: Int) -> Bool {
        guard cell.overflow != nil else { return true }
        let reader = number * file.layout.pageByteCount + cell.offset
        var next = cell.overflow
        var steps = 0
        while let page = next, readers.indices.contains(page), readers[page] < 0 || readers[page] == reader,
            let bytes = file.page(page), record.count < cell.payloadByteCount, steps <= file.pageCount
        {
            steps += 1
            readers[page] = reader
            record += bytes[4..<min(file.usableByteCount, 4 + cell.payloadByteCount - record.count)]
            let named = BigEndianBytes(bytes).integer32(at: 0)
            // A damaged page names a wrong one, as a rule; the map knows better.
            next =
                map.isPlausible(named, after: page, use: .overflow) ? named : map.successor(of: page) ?? named
        }
        let missing = cell.payloadByteCount - record.count
        guard missing > 0 else { return true }
        guard missing <= spareByteCount else { return false }
        spareByteCount -= missing
        record += Array(repeating: 0, count: missing)
        return true
    }

    // MARK: Pages that no tree reaches

    private var strays: [Int] { owners.indices.dropFirst().filter(isStray) }

    private func isStray(_ page: Int) -> Bool {
        guard owners[page] < 0, page != PointerMap.lockPage(file), !map.mapPages.contains(page) else {
            return false
        }
        switch map.use(page) {
        case .free, .firstOverflow, .overflow: return false
        case .root, .tree, nil: return true
        }
    }

    /// The tree that a page is of, by the pages above it.
    private func owner(of page: Int, _ roots: [Int: Int32]) -> Int32? {
        var page = page
        for _ in 0..<RowRecovery.maximumHeight {
            if let owner = roots[page] { return owner }
            guard let parent = map.parent(of: page), owners.indices.contains(parent) else { return nil }
            if owners[parent] >= 0 { return owners[parent] }
            page = parent
        }
        return nil
    }

    /// Pages from a leaf to its root, at most.
    private static let maximumHeight = 20
}
