public import Formats
public import Foundations
import Glibc

/// A model's folder in the cache of the Hugging Face Hub: `models--org--name`, with `blobs`, `refs` and `snapshots`.
///
/// The model itself is one of the snapshots.
public struct HubCacheError: FormatError, Equatable {
    /// The snapshot that `refs/main` names, below the folder; `nil` where there is none.
    public let snapshot: String?

    /// The error for the folder at `path`; `nil` where that is no such cache.
    init?(_ path: String) {
        let folder = path.hasSuffix("/") ? path : path + "/"
        guard ModelFolder.isFolder(folder + "snapshots"),
            ["blobs", "refs"].contains(where: { ModelFolder.isFolder(folder + $0) })
        else { return nil }
        let name = SmallFile.text(folder + "refs/main").flatMap { FilePath.plainName($0.trimmed) }
        snapshot = name.map { "snapshots/" + $0 }.flatMap { ModelFolder.isFolder(folder + $0) ? $0 : nil }
    }

    /// The folder has no weights of its own.
    public var category: ErrorCategory { .noInput }

    /// One line, lower case, with what to do.
    public var description: String {
        "the folder is a cache of the Hugging Face Hub; save the model in it, "
            + quoted(snapshot ?? "snapshots/…")
    }
}

extension String {
    fileprivate var trimmed: String { String(drop { $0.isWhitespace }.prefix { !$0.isWhitespace }) }
}
