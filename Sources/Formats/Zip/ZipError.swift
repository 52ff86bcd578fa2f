import Foundations

/// A zip archive that is damaged, or made to be read in more than one way.
public enum ZipError: FormatError, Equatable {
    /// The file does not end with the end record of an archive without a comment.
    case noEnd
    /// The file ends before the directory of the archive.
    case noDirectory
    /// The file ends within an entry, of which at least so many bytes are missing.
    case cutShort(String, missing: Int)
    /// An archive in several parts.
    case severalDisks
    /// Records of the directory that contradict each other.
    case directory
    /// More entries than ``ZipArchive/maximumEntryCount``.
    case tooManyEntries(Int)
    /// Bytes before the first entry.
    case prefix
    /// A name that is not UTF-8.
    case nameNotText
    /// A name that could lead out of the archive.
    case name(String)
    /// Two entries with one name.
    case duplicateName(String)
    /// An encrypted entry.
    case encrypted(String)
    /// A compression method other than deflate.
    case method(String, UInt16)
    /// A stored entry whose sizes differ.
    case storedByteCount(String)
    /// A local header that is missing or says something else than the directory.
    case local(String)
    /// Entries that share bytes.
    case overlap(String)
    /// An entry that would inflate to too much.
    case inflatesTooLarge(String, byteCount: Int, maximum: Int)
    /// A deflated entry that does not inflate to the bytes it should.
    case deflate(String)
    /// An entry whose bytes do not have their checksum.
    case checksum(String)

    /// One line, lower case, with the entry's name.
    public var description: String {
        switch self {
        case .noEnd:
            "the zip archive does not end where the file does: something was appended, such as a comment, or its end is cut off"
        case .noDirectory: "the zip archive is cut short: its directory, which comes last, is not there"
        case .cutShort(let name, let missing):
            "the zip archive is cut short by \(missing) bytes or more: it ends within \(quoted(name))"
        case .severalDisks: "the zip archive is one of several parts"
        case .directory: "the directory of the zip archive is damaged"
        case .tooManyEntries(let count):
            "the zip archive has \(count) entries; at most \(ZipArchive.maximumEntryCount) are read"
        case .prefix: "the zip archive does not begin where the file does"
        case .nameNotText: "the zip archive has an entry whose name is not UTF-8"
        case .name(let name): "the zip archive has an entry with the unsafe name \(quoted(name))"
        case .duplicateName(let name): "the zip archive has \(quoted(name)) twice"
        case .encrypted(let name): "\(quoted(name)) is encrypted"
        case .method(let name, let method):
            "\(quoted(name)) is compressed by method \(method), only deflate is read"
        case .storedByteCount(let name): "\(quoted(name)) is stored with two different sizes"
        case .local(let name): "\(quoted(name)) is not what the directory of the zip archive says"
        case .overlap(let name): "\(quoted(name)) overlaps another entry of the zip archive"
        case .inflatesTooLarge(let name, let byteCount, let maximum):
            "\(quoted(name)) would inflate to \(byteCount) bytes; at most \(maximum) are allowed"
        case .deflate(let name): "\(quoted(name)) does not inflate: it is damaged"
        case .checksum(let name): "\(quoted(name)) does not match its checksum: the file is damaged"
        }
    }
}
