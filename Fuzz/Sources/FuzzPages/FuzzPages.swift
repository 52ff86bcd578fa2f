import FuzzSupport
import SQLitePages

/// A SQLite file, as salvage reads it: whatever it holds, each page is read a bounded number of times.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let path = FuzzFile.inFolder("pages", FuzzFile.bytes(start, count))
    let layout = PageFile.Layout(pageByteCount: 512, hasPointerMap: true)
    guard let file = try? PageFile(path: path, expecting: layout) else { return 0 }
    let recovery = RowRecovery(file)
    let roots = recovery.roots()
    let trees = [table, index].map { RowRecovery.Tree(shape: $0, root: roots[$0.table] ?? 3) }
    var cellCount = 0
    let outcomes = recovery.forEachRow(of: trees) { tree, row in
        precondition(row.count == trees[tree].shape.columns.count)
        cellCount += 1
    }
    precondition(cellCount == outcomes.reduce(0) { $0 + $1.rowCount })
    // A page has no more cells than it has room for pointers to them.
    precondition(cellCount <= count / 2)
    for tree in trees { _ = recovery.forEachLikelyRow(of: tree.shape) { _ in } }
    return 0
}

private let columns = ["INTEGER", "REAL", "TEXT", "BLOB", "ANY"].map {
    TreeShape.Column(name: $0, type: $0, isOptional: true)
}
private let table = TreeShape(table: "t", columns: columns, rowIDColumn: 0, isIndex: false)
private let index = TreeShape(
    table: "u", columns: Array(columns.dropFirst()), rowIDColumn: nil, isIndex: true)
