public import Checkpoints
public import Foundations

/// A file that would run dangerous code if it were loaded with Python.
public struct UnsafeFileError: Error, Equatable, CategorisedError, CustomStringConvertible {
    /// The names of what it would run.
    public let names: [QualifiedName]

    /// The file of a folder that would run it; `nil` where there is only one file.
    public let file: String?

    init(_ names: [QualifiedName], file: String? = nil) {
        self.names = names
        self.file = file
    }

    /// The fact that marks a version which was saved all the same; its value is the list of names.
    public static let attribute = "unsafe"

    /// One line, lower case, with what to do.
    public var description: String {
        let list = names.prefix(5).map { printable($0.description) }.joined(separator: ", ")
        return
            "loading \(file.map(quoted) ?? "the file") with Python would run \(list)\(names.count > 5 ? ", …" : ""), which no checkpoint needs; "
            + "to save it marked as unsafe, give --allow-unsafe: nothing is run"
    }

    /// Bad data.
    public var category: ErrorCategory { .badData }
}
