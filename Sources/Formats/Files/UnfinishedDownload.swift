import Foundations
import Glibc

/// A file that a program has not finished downloading, by its name or by what lies beside it.
///
/// Such a file may have its full length already, with holes in it that no header tells of.
public struct UnfinishedDownload: FormatError {
    /// How it shows.
    public enum Sign: Equatable, Sendable {
        /// An ending that the program takes away in the end.
        case ending(String)
        /// A file in which the program keeps what is there, by its name.
        case neighbour(String)
    }

    /// How it shows.
    public let sign: Sign

    /// The error in the bytes that are there; `nil` where they look whole.
    public internal(set) var problem: (any FormatError)?

    private static let endings = [".incomplete", ".part", ".partial", ".crdownload", ".aria2"]

    /// Tells whether the file at `path` is one; `nil` where nothing says so.
    init?(path: String) {
        if let ending = UnfinishedDownload.endings.first(where: path.hasSuffix) {
            sign = .ending(ending)
        } else if access(path + ".aria2", F_OK) == 0 {
            sign = .neighbour((path.split(separator: "/").last.map(String.init) ?? path) + ".aria2")
        } else {
            return nil
        }
    }

    /// One line, lower case, with what to do.
    public var description: String {
        let cause = problem.map { " (\($0))" } ?? ""
        switch sign {
        case .ending(let ending):
            return "a download that is not complete, as the ending \(ending) says\(cause); "
                + (problem == nil ? "finish it, or rename it if it is whole" : "finish it")
        case .neighbour(let name):
            return "a download that is not complete, as \(quoted(name)) beside it says\(cause); finish it"
        }
    }
}
