import Foundations
import Glibc
import ModelReg

/// Reads a checkpoint file, or the folder of a model, that was named on the command line.
enum InputFile {
    /// - Throws: ``InputFileError`` where its bytes are at fault, `FileError` where it cannot be read.
    static func read(_ path: String, excluding patterns: [String] = []) throws -> ModelSource {
        do {
            return try ModelSource.read(path, excluding: patterns)
        } catch let error as any FormatError {
            throw InputFileError(path: path, error: error)
        }
    }

    /// Takes any file as it is.
    ///
    /// - Throws: ``UsageError`` for a folder, `FileError`.
    static func readOpaque(_ path: String) throws -> ModelSource {
        do {
            return try ModelSource.readOpaque(path)
        } catch let error as FileError where error.code == EISDIR {
            throw UsageError(description: "--opaque is for one file, and \(quoted(path)) is a folder")
        }
    }
}

/// What is wrong with a file, and which file.
struct InputFileError: CategorisedError, CustomStringConvertible {
    let path: String
    let error: any FormatError

    var description: String { "\(quoted(path)): \(error)" }

    var category: ErrorCategory { error.category }

    /// Whether the file is whole as far as one can see, and only in another format.
    var isHelpedByOpaque: Bool {
        switch error {
        case UnsupportedFormat.known, UnsupportedFormat.unknown, UnsupportedFormat.index,
            TorchArchiveError.noPickle:
            true
        default: false
        }
    }
}
