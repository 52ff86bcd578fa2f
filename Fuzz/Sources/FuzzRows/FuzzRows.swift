import Checkpoints
import Foundation
import FuzzSupport
import GRDB
import ModelRegistry

/// Rows of a registry that were changed past every rule: loading refuses, or gives what was saved.
///
/// The input is a list of changes: a column, a row, and a value. They are undone afterwards.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let fixture = RowsFixture.shared
    var undo: [() throws -> Void] = []
    var isContent = true
    do {
        for _ in 0..<4 where !input.isEmpty {
            let column = input.choice(of: RowsFixture.columns)
            isContent = isContent && column.keepsContent
            if let change = try fixture.change(column, from: &input) { undo.append(change) }
        }
        fixture.look(isContent: isContent)
        for change in undo.reversed() { try change() }
    } catch {
        // A change that SQLite refuses, such as a second row of one key.
        do { for change in undo.reversed() { try change() } } catch { fail("\(error)") }
    }
    return 0
}
