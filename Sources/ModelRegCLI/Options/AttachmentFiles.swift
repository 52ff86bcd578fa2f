import Foundations
import ModelReg

/// Small files that are named on the command line, to be kept beside weights or runs.
enum AttachmentFiles {
    /// The name under which the file at `path` is kept.
    static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The bytes of the files, by name.
    ///
    /// - Throws: ``UsageError`` where two have one name, `FileError`.
    static func read(_ paths: [String]) throws -> OrderedDictionary<String, [UInt8]> {
        var attachments: OrderedDictionary<String, [UInt8]> = [:]
        for path in paths {
            let name = name(path)
            guard attachments[name] == nil else {
                throw UsageError(description: "--attach: two files are called \(quoted(name))")
            }
            attachments[name] = try MappedFile(path: path).withUnsafeBytes { [UInt8]($0) }
        }
        return attachments
    }
}
