import Foundations

/// What a process says as it ends; part of the interface, as in `sysexits.h`.
enum ExitStatus: Int32 {
    case found = 1
    case usage = 64
    case badData = 65
    case noInput = 66
    case unavailable = 69
    /// A fault of modelreg itself.
    case software = 70
    case cannotCreate = 73
    case inputOutput = 74
    case busy = 75
    case notPermitted = 77
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
            case .unavailable: .unavailable
            case .notPermitted: .notPermitted
            case .configuration: .configuration
            }
    }
}
