public import Foundations

/// What can go wrong with a remote. Messages never hold credentials.
public enum RemoteError: Error, Hashable, Sendable {
    /// An address that cannot be read.
    case badAddress(_ address: String, problem: String)
    /// A name that no remote has.
    case noRemote(String)
    /// The remote did not answer, or said that it cannot now, more often than was tried.
    case unavailable(_ remote: String, problem: String)
    /// The remote wants other credentials, or does not allow this.
    case notPermitted(_ remote: String, problem: String)
    /// The remote has no such repository, version or alias.
    case notFound(_ remote: String, what: String)
    /// The remote lacks a blob that one of its manifests names.
    case missingBlob(_ remote: String, digest: String)
    /// What the remote sent is not what it says that it is.
    case damaged(_ remote: String, problem: String)
    /// The remote refuses what was sent, for a reason of its own.
    case refused(_ remote: String, problem: String)
    /// Another has changed a tag since it was read: nothing was written, so that nobody's work is undone unseen.
    case changedMeanwhile(_ remote: String, tag: String)
    /// A library that is needed for this is not installed.
    case noTransport(problem: String)
}

extension RemoteError: CustomStringConvertible {
    /// One line that says what to do.
    public var description: String {
        switch self {
        case .badAddress(let address, let problem): "invalid remote \(quoted(address)): \(printable(problem))"
        case .noRemote(let name): "no remote is called \(quoted(name)); see: modelreg remote ls"
        case .unavailable(let remote, let problem):
            "\(printable(remote)) is not available: \(printable(problem))"
        case .notPermitted(let remote, let problem):
            "\(printable(remote)) does not permit it: \(printable(problem))"
        case .notFound(let remote, let what): "\(printable(remote)) has no \(printable(what))"
        case .missingBlob(let remote, let digest):
            "\(printable(remote)) has lost \(printable(digest)); push the version again from where it is"
        case .damaged(let remote, let problem): "\(printable(remote)) sent damaged data: \(printable(problem))"
        case .refused(let remote, let problem): "\(printable(remote)) refused it: \(printable(problem))"
        case .changedMeanwhile(let remote, let tag):
            "\(printable(remote)): another has changed the tag \(quoted(tag)) meanwhile; try again"
        case .noTransport(let problem): printable(problem)
        }
    }
}

extension RemoteError: CategorisedError {
    /// What it means to whoever has to do something about it.
    public var category: ErrorCategory {
        switch self {
        case .badAddress: .usage
        case .noRemote, .notFound: .noInput
        case .unavailable, .noTransport: .unavailable
        case .notPermitted: .notPermitted
        case .missingBlob, .damaged: .badData
        case .refused: .inputOutput
        case .changedMeanwhile: .busy
        }
    }
}
