import Foundations
import Glibc

/// The files of a folder and of all folders in it, by name.
///
/// Links are followed, as the cache of the Hugging Face Hub needs it: its files are links to others elsewhere.
struct FolderContents {
    /// A file.
    struct File {
        /// Its name below the folder, joined by `/`.
        let name: String
        /// Where it is.
        let path: String
        let byteCount: Int
    }

    /// The files, in the order of the bytes of their names: those of one folder are neighbours.
    private(set) var files: [File] = []

    /// Names of what is left out, for people; those of folders end in `/`.
    private(set) var omitted: [String] = []

    /// Most files of one folder.
    static let maximumFileCount = 100_000

    /// Folders within folders, at most.
    static let maximumDepth = 32

    private var exclusions = FolderExclusions()
    private var folderCount = 0

    /// What tells a folder from any other on the machine.
    private struct Identity: Equatable {
        let device: dev_t
        let number: ino_t

        init(_ status: stat) {
            device = status.st_dev
            number = status.st_ino
        }
    }

    /// Lists the folder at `path`, but for what its file ``FolderExclusions/fileName`` and, in the last place, `patterns`
    /// leave out.
    ///
    /// - Throws: ``ModelFolderError`` for what cannot be kept, `FileError`.
    init(_ path: String, excluding patterns: [String]) throws {
        let path = path.hasSuffix("/") ? path : path + "/"
        if let list = try FolderContents.text(path + FolderExclusions.fileName) {
            exclusions.add(lines: list)
        }
        for pattern in patterns { exclusions.add(pattern) }
        try visit(path, name: "", ancestors: [])
        files.sort { RelativeName.precedes($0.name, $1.name) }
        omitted.sort()
    }

    private static func text(_ path: String) throws -> String? {
        guard access(path, F_OK) == 0 else { return nil }
        let file = try MappedFile(path: path)
        guard file.byteCount <= 1 << 20,
            let text = file.withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
        else { throw ModelFolderError.badList }
        return text
    }

    private mutating func visit(_ path: String, name: String, ancestors: [Identity]) throws {
        guard ancestors.count <= FolderContents.maximumDepth else { throw ModelFolderError.tooDeep(name) }
        // Links to one folder from many others: their number can double at each step.
        folderCount += 1
        guard folderCount <= FolderContents.maximumFileCount else { throw ModelFolderError.tooManyFiles }
        guard let folder = opendir(path) else { throw FileError(path: path, operation: .open, code: errno) }
        var status = stat()
        guard fstat(dirfd(folder), &status) == 0 else {
            let code = errno
            closedir(folder)
            throw FileError(path: path, operation: .read, code: code)
        }
        let identity = Identity(status)
        guard !ancestors.contains(identity) else {
            closedir(folder)
            throw ModelFolderError.loop(name)
        }
        // Closed before the folders in it are opened: descriptors are few.
        let entries = FolderContents.entries(folder)
        for bytes in entries {
            let text = String(decoding: bytes, as: UTF8.self)
            let below = name.isEmpty ? text : name + "/" + text
            guard text.utf8.elementsEqual(bytes) else {
                try requireExcluded(bytes, below)
                continue
            }
            try add(path + text, below, ancestors + [identity])
        }
    }

    private static func entries(_ folder: OpaquePointer) -> [[UInt8]] {
        defer { closedir(folder) }
        var entries: [[UInt8]] = []
        while let entry = readdir(folder) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { [UInt8]($0.prefix { $0 != 0 }) }
            if bytes != Array(".".utf8), bytes != Array("..".utf8) { entries.append(bytes) }
        }
        return entries.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// A name that is no text cannot be kept; patterns may leave it out.
    private mutating func requireExcluded(_ bytes: [UInt8], _ name: String) throws {
        guard exclusions.excludes(name, isFolder: false) || exclusions.excludes(name, isFolder: true) else {
            throw ModelFolderError.notUTF8(bytes)
        }
        omitted.append(printable(bytes: bytes))
    }

    private mutating func add(_ path: String, _ name: String, _ ancestors: [Identity]) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let code = errno
            if exclusions.excludes(name, isFolder: false) { return omitted.append(name) }
            guard [ENOENT, ELOOP].contains(code) else {
                throw FileError(path: path, operation: .read, code: code)
            }
            throw ModelFolderError.brokenLink(name)
        }
        let kind = status.st_mode & S_IFMT
        let isFolder = kind == S_IFDIR
        guard !exclusions.excludes(name, isFolder: isFolder) else {
            return omitted.append(isFolder ? name + "/" : name)
        }
        if isFolder {
            try visit(path + "/", name: name, ancestors: ancestors)
        } else if kind == S_IFREG {
            guard files.count < FolderContents.maximumFileCount else { throw ModelFolderError.tooManyFiles }
            files.append(File(name: name, path: path, byteCount: Int(status.st_size)))
        } else {
            // A socket, pipe or device holds nothing.
            omitted.append(name)
        }
    }
}
