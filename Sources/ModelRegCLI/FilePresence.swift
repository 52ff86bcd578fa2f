import Glibc
import ModelRegistry

/// Whether files are there.
enum FilePresence {
    static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
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
