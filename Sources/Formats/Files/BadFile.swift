public import Foundations

/// What is wrong with a file, and which file.
public struct BadFile: FormatError {
    /// The file's path, or its name among others.
    public let path: String
    /// What is wrong with it.
    public let error: any FormatError

    /// Says that `error` is of the file at `path`.
    public init(path: String, error: any FormatError) {
        self.path = path
        self.error = error
    }

    /// Says which file it is that `body` finds something wrong with.
    ///
    /// - Throws: What `body` throws; ``BadFile`` for a ``FormatError``.
    public static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as any FormatError {
            throw BadFile(path: path, error: error)
        }
    }

    /// One line, lower case, with the file first.
    public var description: String { "\(quoted(path)): \(error)" }

    /// That of the error.
    public var category: ErrorCategory { error.category }
}
