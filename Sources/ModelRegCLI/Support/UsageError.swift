import Foundations

/// Words on the command line that do not go together.
struct UsageError: CategorisedError, CustomStringConvertible {
    let description: String

    var category: ErrorCategory { .usage }
}

/// An error of the library, and which option of the command helps.
struct ExplainedError: CategorisedError, CustomStringConvertible {
    let error: any Error
    let explanation: String

    var description: String { "\(error)\(explanation)" }

    var category: ErrorCategory { ErrorCategory(error) }
}
