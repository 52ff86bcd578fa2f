import Glibc
import Synchronization

/// Folders whose entries are made to last.
package enum FolderSync {
    /// The folder that `path` is in, with its slash; empty for the current one.
    package static func folder(of path: String) -> String {
        let bytes = path.utf8
        // The slash at the end of a folder's own path is none between two names.
        let end = bytes.lastIndex { $0 != UInt8(ascii: "/") } ?? bytes.startIndex
        guard let slash = bytes[..<end].lastIndex(of: UInt8(ascii: "/")) else {
            return path.hasPrefix("/") ? "/" : ""
        }
        return String(path[...slash])
    }

    /// Waits until the entry of `path` in its folder is on the disk.
    ///
    /// - Throws: ``FileError`` of `path`.
    package static func sync(folderOf path: String) throws(FileError) {
        let folder = folder(of: path)
        DiskStep.folder(folder).note()
        let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // A folder that may be written and not read.
            guard errno == EACCES else { throw FileError(path: path, operation: .write, code: errno) }
            return Glibc.sync()
        }
        defer { close(descriptor) }
        // Some network file systems have no such call for folders; their servers do it unasked.
        guard fsync(descriptor) == 0 || [EINVAL, EOPNOTSUPP].contains(errno) else {
            throw FileError(path: path, operation: .write, code: errno)
        }
    }
}

/// What is done, in this order, so that a file is on the disk under its name.
package enum DiskStep: Equatable, Sendable {
    /// The bytes of the file at this path are written.
    case bytes(of: String)
    /// It is given its name.
    case name(String)
    /// The entries of the folder are written.
    case folder(String)

    private static let records = Mutex<[String: [DiskStep]]>([:])

    /// The steps that `body` takes, in any thread, for paths that begin with `prefix`. For tests: what lasts shows in a
    /// power cut only.
    package static func recorded(of prefix: String, _ body: () throws -> Void) rethrows -> [DiskStep] {
        records.withLock { $0[prefix] = [] }
        defer { records.withLock { $0[prefix] = nil } }
        try body()
        return records.withLock { $0[prefix] ?? [] }
    }

    /// Notes that the step is taken now.
    func note() {
        DiskStep.records.withLock { records in
            for prefix in records.keys where path.hasPrefix(prefix) { records[prefix]?.append(self) }
        }
    }

    private var path: String {
        switch self {
        case .bytes(let path), .name(let path), .folder(let path): path
        }
    }
}
