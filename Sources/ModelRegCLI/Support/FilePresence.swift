import Glibc
import ModelReg

/// Whether files are there.
enum FilePresence {
    /// Whether there is a file, a pipe, or the folder of a model, at `path`.
    static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && [S_IFREG, S_IFDIR, S_IFIFO].contains(status.st_mode & S_IFMT)
    }

    /// Whether there is a folder at `path`.
    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

extension RegistryError {
    /// Whether the error says that a reference names nothing.
    var isNotFound: Bool {
        switch self {
        case .noRegistry, .noModel, .badReference, .badModelName: true
        default: false
        }
    }
}
