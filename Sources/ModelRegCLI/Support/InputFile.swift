import Foundations
import Glibc
import ModelReg

/// Reads a checkpoint file, or the folder of a model, that was named on the command line.
enum InputFile {
    /// - Parameters:
    ///   - path: Where it is; `-` for standard input.
    ///   - patterns: What to leave out of a folder.
    /// - Throws: ``BadFile`` where its bytes are at fault, `FileError` where it cannot be read.
    static func read(_ path: String, excluding patterns: [String] = []) throws -> ModelSource {
        guard path == "-" else {
            return try BadFile.naming(path) { try ModelSource.read(path, excluding: patterns) }
        }
        guard isatty(STDIN_FILENO) != 1 else {
            throw UsageError(description: "- reads a checkpoint from standard input, which is a terminal")
        }
        return try BadFile.naming("standard input") { try ModelSource.read(PipedFile.standardInput) }
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

extension BadFile {
    /// Whether the file is whole as far as one can see, and only in another format.
    var isHelpedByOpaque: Bool {
        switch error {
        case UnsupportedFormat.foreign, UnsupportedFormat.archive, UnsupportedFormat.text,
            UnsupportedFormat.unknown,
            UnsupportedFormat.index, TorchArchiveError.noPickle:
            true
        default: false
        }
    }
}
