/// A file that somebody wrote to while it was being read.
public struct FileChangedError: Error, Equatable, CustomStringConvertible {
    /// The file's path as it was given.
    public let path: String

    /// Names a file.
    public init(path: String) { self.path = path }

    /// Such as `"last.ckpt" changed while it was being read`.
    public var description: String { "\(quoted(path)) changed while it was being read" }
}

extension FileChangedError: CategorisedError {
    /// What was read is not one file.
    public var category: ErrorCategory { .inputOutput }
}
