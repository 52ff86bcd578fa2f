import Foundation
import Foundations
import Testing

@Suite struct ErrorCategoryTests {
    /// Errors that were not on a list were taken for a difference that was found.
    @Test func errorsThatSayNothingAreFailures() {
        struct Strange: Error {}
        #expect(ErrorCategory(Strange()) == .inputOutput)
        #expect(ErrorCategory(CocoaError(.fileWriteNoPermission)) == .inputOutput)
    }

    @Test(
        arguments: [
            (.write, EEXIST, .cannotCreate), (.write, ENOENT, .cannotCreate), (.write, ENOSPC, .inputOutput),
            (.write, ENAMETOOLONG, .cannotCreate), (.open, ENOENT, .noInput), (.open, ENAMETOOLONG, .noInput),
            (.read, EISDIR, .noInput), (.read, EIO, .inputOutput),
        ] as [(FileError.Operation, Int32, ErrorCategory)])
    func filesThatCannotBeUsedSayWhichSideIsAtFault(
        _ operation: FileError.Operation, _ code: Int32, _ category: ErrorCategory
    ) {
        #expect(ErrorCategory(FileError(path: "a", operation: operation, code: code)) == category)
    }
}
