import Checkpoints
import Expressions
import Formats
import Foundations
import Glibc
import ModelReg
import ModelRegistry
import Tensors
import WeightDiff

/// What a process says as it ends; part of the interface, as in `sysexits.h`.
enum ExitStatus: Int32 {
    case found = 1
    case usage = 64
    case badData = 65
    case noInput = 66
    case cannotCreate = 73
    case inputOutput = 74
    case busy = 75
    case configuration = 78

    /// The status for an error that the library throws; `nil` for the argument parser's own.
    init?(_ error: any Error) {
        switch error {
        case let error as RegistryError: self.init(error)
        case let error as FileError: self.init(error)
        case let error as PatchError: self.init(error)
        case let error as ExplainedError: self.init(error.error)
        // A folder in which the file is not that should be.
        case let error as InputFileError where error.error is ModelFolderError: self = .noInput
        case is InputFileError, is any FormatError, is RegistryError.Damage, is TensorError, is CheckpointError:
            self = .badData
        case is PathSelectionError, is UnknownMetricError: self = .noInput
        case is BisectError, is VersionRecordError, is ExpressionError, is DiffGateError, is KeyAlignmentError,
            is NamedTensorsError, is SafetensorsLayoutError, is PyTorchLayoutError, is NumPyLayoutError,
            is CheckpointTypeError, is ExportError, is UsageError, is ChildProcessError:
            self = .usage
        default: return nil
        }
    }

    private init(_ error: RegistryError) {
        switch error {
        case .noRegistry, .noModel, .noRun, .noVersion, .noVersions, .noEarlierVersion, .noAlias,
            .contentMismatch, .thinned, .deletedMeanwhile:
            self = .noInput
        case .gated: self = .found
        case .noDeletedVersion: self = .noInput
        case .notARegistry, .newerRegistry: self = .configuration
        case .busy: self = .busy
        case .readOnly, .inputOutput, .closed, .changedWhileSaving: self = .inputOutput
        case .badModelName, .badAlias, .reservedAlias, .badReference, .badAttribute, .protectedAlias, .aliased,
            .noTensor, .badRows, .badRunName, .ambiguousRun, .runExists, .runIsRunning, .badStep,
            .notDeleted, .badDeletedReference, .mergeWithItself, .nothingLeft:
            self = .usage
        case .damaged, .mergeSource: self = .badData
        }
    }

    private init(_ error: PatchError) {
        switch error {
        case .noBase: self = .noInput
        case .notAPatch, .newerFormat, .damaged, .baseUnreadable: self = .badData
        }
    }

    private init(_ error: FileError) {
        switch (error.operation, error.code) {
        case (.write, EEXIST): self = .cannotCreate
        case (.write, EACCES), (.write, ENOENT), (.write, EISDIR), (.write, ENOTDIR): self = .cannotCreate
        case (_, ENOENT), (_, ENOTDIR), (_, EACCES), (_, EISDIR): self = .noInput
        default: self = .inputOutput
        }
    }
}

/// Words on the command line that do not go together.
struct UsageError: Error, CustomStringConvertible {
    let description: String
}

/// An error of the library, and which option of the command helps.
struct ExplainedError: Error, CustomStringConvertible {
    let error: any Error
    let explanation: String

    var description: String { "\(error)\(explanation)" }
}
