import Foundations
import ModelReg

/// Reads a checkpoint file, or the folder of a model, that was named on the command line.
enum InputFile {
    /// - Throws: ``InputFileError`` where its bytes are at fault, `FileError` where it cannot be read.
    static func read(_ path: String) throws -> ModelSource {
        try naming(path) { try ModelSource.read(path) }
    }

    /// Calls `body`, and says of what is wrong with a file's bytes which file it is.
    static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as any FormatError {
            throw InputFileError(path: path, error: error)
        }
    }
}

/// What is wrong with a file, and which file.
struct InputFileError: CategorisedError, CustomStringConvertible {
    let path: String
    let error: any FormatError

    var description: String { "\(quoted(path)): \(error)" }

    var category: ErrorCategory { error.category }
}
