public import Checkpoints
import Foundations

/// Why a patch could not be applied. The registry is as it was before.
public enum PatchError: Error, Equatable {
    /// The file is something else.
    case notAPatch(path: String)
    /// A later version of modelreg wrote the patch.
    case newerFormat(path: String, version: UInt32)
    /// The file is not what was written: it is truncated, damaged or forged.
    case damaged(path: String, problem: String)
    /// No version here has the content that the patch is a change of; `reference` is what it was called there.
    case noBase(reference: String, contentID: ContentID)
    /// The bytes of the version that the patch builds on are damaged here, or are gone.
    case baseUnreadable(version: String, problem: String)
}

extension PatchError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .notAPatch(let path): "\(quoted(path)) is not a patch"
        case .newerFormat(let path, let version):
            "\(quoted(path)) is a patch of format \(version), from a newer modelreg; please upgrade"
        case .damaged(let path, let problem):
            "\(quoted(path)): the patch is damaged: \(problem); nothing was changed"
        case .noBase(let reference, let contentID):
            "the patch changes \(printable(reference, limit: 300)), \(contentID), and no version here has that content; "
                + "save or apply that one first"
        case .baseUnreadable(let version, let problem):
            "\(version), which the patch changes, cannot be read: \(printable(problem)); `modelreg verify` says more"
        }
    }
}
