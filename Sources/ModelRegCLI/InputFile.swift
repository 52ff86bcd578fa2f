import Formats

/// Reads a checkpoint file that was named on the command line.
enum InputFile {
    /// - Throws: ``InputFileError`` where its bytes are at fault, `FileError` where it cannot be read.
    static func read(_ path: String) throws -> CheckpointFile {
        do {
            return try CheckpointFile.read(path: path)
        } catch let error as any FormatError {
            throw InputFileError(path: path, error: error)
        }
    }
}

/// What is wrong with a file, and which file.
struct InputFileError: Error, CustomStringConvertible {
    let path: String
    let error: any FormatError

    var description: String { "\"\(path)\": \(error)" }
}
