import ModelReg

/// Reads a checkpoint file, or the folder of a model, that was named on the command line.
enum InputFile {
    /// - Throws: ``BadFile`` where its bytes are at fault, `FileError` where it cannot be read.
    static func read(_ path: String) throws -> ModelSource {
        try BadFile.naming(path) { try ModelSource.read(path) }
    }
}
