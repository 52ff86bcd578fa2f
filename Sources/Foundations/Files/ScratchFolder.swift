import Foundation

/// A folder for temporary files, in `$TMPDIR` or else `/tmp`, that only this user can enter. It is gone with the last
/// reference to it, and all that is in it.
package final class ScratchFolder: Sendable {
    /// Its path, without a slash at its end.
    package let path: String

    /// Makes the folder.
    ///
    /// - Throws: ``FileError``.
    package init() throws(FileError) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        let folder = parent.isEmpty ? "/tmp" : parent
        var template = Array("\(folder)/modelreg-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw FileError(path: folder, operation: .write, code: errno)
        }
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The paths of all files below it, relative to it and sorted.
    package func files() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
                && !isFolder.boolValue
        }.sorted()
    }
}
