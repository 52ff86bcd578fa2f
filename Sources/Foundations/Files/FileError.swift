import Glibc

/// A file that could not be opened, read or written.
public struct FileError: Error, Equatable {
    /// What was tried.
    public enum Operation: String, Sendable {
        case open
        case read
        case write
    }

    /// The file's path as it was given.
    public let path: String

    /// What was tried.
    public let operation: Operation

    /// The system's error number (`errno`).
    public let code: Int32

    /// Describes the failure of `operation` on the file at `path`.
    public init(path: String, operation: Operation, code: Int32) {
        self.path = path
        self.operation = operation
        self.code = code
    }
}

extension FileError: CustomStringConvertible {
    /// Such as `cannot open "a.pt": No such file or directory`.
    public var description: String {
        "cannot \(operation) \(quoted(path)): \(String(cString: strerror(code)))"
    }
}

extension FileError: CategorisedError {
    /// What it means to whoever has to do something about it.
    public var category: ErrorCategory {
        switch (operation, code) {
        case (.write, EEXIST), (.write, EACCES), (.write, ENOENT), (.write, EISDIR), (.write, ENOTDIR),
            (.write, ENAMETOOLONG):
            .cannotCreate
        case (_, ENOENT), (_, ENOTDIR), (_, EACCES), (_, EISDIR), (_, ENAMETOOLONG): .noInput
        default: .inputOutput
        }
    }
}
