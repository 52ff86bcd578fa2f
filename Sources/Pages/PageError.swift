package import Foundations

/// Why there is no page.
package enum PageError: CategorisedError, CustomStringConvertible, Equatable {
    /// Nothing is at this path.
    case noPage
    /// A parameter of the query is missing or not what it should be.
    case invalid(String)

    package var description: String {
        switch self {
        case .noPage: "there is no such page"
        case .invalid(let problem): printable(problem, limit: 200)
        }
    }

    package var category: ErrorCategory {
        switch self {
        case .noPage: .noInput
        case .invalid: .usage
        }
    }
}
