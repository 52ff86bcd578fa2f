import Foundations
import Glibc
import ModelReg

/// Reads a checkpoint file, or the folder of a model, that was named on the command line.
enum InputFile {
    /// - Parameter path: Where it is; `-` for standard input.
    /// - Throws: ``BadFile`` where its bytes are at fault, `FileError` where it cannot be read.
    static func read(_ path: String) throws -> ModelSource {
        guard path == "-" else { return try BadFile.naming(path) { try ModelSource.read(path) } }
        guard isatty(STDIN_FILENO) != 1 else {
            throw UsageError(description: "- reads a checkpoint from standard input, which is a terminal")
        }
        return try BadFile.naming("standard input") { try ModelSource.read(PipedFile.standardInput) }
    }
}
