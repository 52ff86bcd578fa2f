public import Formats
public import Foundations

/// A folder that cannot be kept whole.
public enum ModelFolderError: FormatError, Equatable {
    /// No file in it, or none that is not left out.
    case empty
    /// A file whose name is no text.
    case notUTF8([UInt8])
    /// A link to a folder that it is in.
    case loop(String)
    /// A link to nothing.
    case brokenLink(String)
    /// More folders within folders than ``maximumDepth``.
    case tooDeep(String)
    /// More files than ``maximumFileCount``.
    case tooManyFiles
    /// A list of what to leave out that is no text, or far too long.
    case badList
    /// A file that an index of several files names, and that is not there.
    case missingShard(String, index: String)

    /// Folders within folders, at most.
    public static let maximumDepth = FolderContents.maximumDepth

    /// Most files, and most folders, of one folder.
    public static let maximumFileCount = FolderContents.maximumFileCount

    /// The file that should be in the folder is not, or what is there cannot be kept.
    public var category: ErrorCategory {
        switch self {
        case .empty, .brokenLink, .missingShard: .noInput
        case .notUTF8, .loop, .tooDeep, .tooManyFiles, .badList: .badData
        }
    }

    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .empty: "the folder has no files"
        case .notUTF8(let name):
            "the name of \"\(printable(bytes: name.prefix(200)))\" is not UTF-8; rename it, or leave it out with --exclude"
        case .loop(let name):
            "\(quoted(name)) is a link to a folder that it is in; leave it out with --exclude"
        case .brokenLink(let name):
            "\(quoted(name)) is a link to a file that is not there; leave it out with --exclude"
        case .tooDeep(let name):
            "\(quoted(name)) is more than \(ModelFolderError.maximumDepth) folders deep; leave it out with --exclude"
        case .tooManyFiles:
            "the folder has more than \(ModelFolderError.maximumFileCount) files or folders; leave some out with --exclude"
        case .badList: "\(FolderExclusions.fileName) is not a list of patterns in UTF-8"
        case .missingShard(let shard, let index):
            "\(quoted(shard)) is not there, but \(quoted(index)) names it; leave the index out with --exclude"
        }
    }
}
