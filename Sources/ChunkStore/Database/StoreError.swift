package import Foundations
import GRDB

/// A store that could not be opened, read or written.
package enum StoreError: Error, Equatable {
    /// There is no file at the path, and the call does not make one.
    case missing(path: String)
    /// The file at the path is something else.
    case notAStore(path: String)
    /// A later version of the program has changed the file's schema.
    case newer(path: String)
    /// Another process held the file for longer than the caller would wait.
    case busy(path: String, waitedSeconds: Double)
    /// The file or its folder cannot be written.
    case readOnly(path: String)
    /// The file could not be read or written, or the disk is full. `code` is SQLite's extended result code.
    case inputOutput(path: String, message: String, code: Int)
    /// The store was closed before.
    case closed(path: String)
    /// SQLite found the file damaged.
    case malformed(problem: String)

    /// What a failure inside SQLite means to a user.
    init(_ error: DatabaseError, path: String, waitSeconds: Double) {
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path, waitedSeconds: waitSeconds)
        case .SQLITE_READONLY, .SQLITE_PERM: self = .readOnly(path: path)
        case .SQLITE_NOTADB: self = .notAStore(path: path)
        case .SQLITE_CORRUPT: self = .malformed(problem: error.message ?? "database disk image is malformed")
        // Aborted: what comes after a failure that has ended the transaction.
        case .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_FULL, .SQLITE_NOMEM, .SQLITE_PROTOCOL, .SQLITE_ABORT:
            self = .inputOutput(
                path: path, message: StoreError.text(of: error.resultCode),
                code: Int(error.extendedResultCode.rawValue))
        default: self = .malformed(problem: error.message ?? "\(error.extendedResultCode)")
        }
    }

    private static func text(of code: ResultCode) -> String {
        switch code {
        case .SQLITE_CANTOPEN: "it, or the journal beside it, cannot be opened"
        case .SQLITE_FULL: "the disk is full"
        case .SQLITE_NOMEM: "not enough memory"
        case .SQLITE_PROTOCOL: "the file system's locks do not work"
        default: "reading or writing failed: input/output error"
        }
    }
}

extension StoreError: CategorisedError {
    package var category: ErrorCategory {
        switch self {
        case .missing: .noInput
        case .notAStore, .newer: .configuration
        case .busy: .busy
        case .readOnly, .inputOutput, .closed: .inputOutput
        case .malformed: .badData
        }
    }
}
