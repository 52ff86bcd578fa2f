import Foundations

/// What a process says as it ends; part of the interface, as in `sysexits.h`.
enum ExitStatus: Int32 {
    case found = 1
    case usage = 64
    case badData = 65
    case noInput = 66
    /// A fault of modelreg itself.
    case software = 70
    case cannotCreate = 73
    case inputOutput = 74
    case busy = 75
    case configuration = 78

    /// The status for an error that commands throw: never ``found`` unless the error says so.
    init(_ error: any Error) {
        self =
            switch ErrorCategory(error) {
            case .found: .found
            case .usage: .usage
            case .badData: .badData
            case .noInput: .noInput
            case .cannotCreate: .cannotCreate
            case .inputOutput: .inputOutput
            case .busy: .busy
            case .configuration: .configuration
            }
    }
}

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
