/// What an error means to whoever has to do something about it. The command line's exit status says it.
public enum ErrorCategory: Hashable, Sendable {
    /// The request contradicts itself, or names something invalid.
    case usage
    /// A file is not what it claims to be, or stored data is damaged.
    case badData
    /// There is no such file, model, version or name.
    case noInput
    /// An output is there already, or cannot be made.
    case cannotCreate
    /// Reading or writing failed; every error that says nothing else.
    case inputOutput
    /// Another process holds what is needed.
    case busy
    /// A remote, or the network on the way to it, does not answer.
    case unavailable
    /// A remote does not allow it to whoever asks.
    case notPermitted
    /// Something else is where a registry should be.
    case configuration
    /// A condition was met that was to be looked for.
    case found

    /// The category of any error. Of those that are not ``CategorisedError``, none means more than a failure.
    public init(_ error: any Error) {
        self = (error as? any CategorisedError)?.category ?? .inputOutput
    }
}

/// An error that says what it means to whoever has to do something about it.
public protocol CategorisedError: Error {
    /// What it means.
    var category: ErrorCategory { get }
}
