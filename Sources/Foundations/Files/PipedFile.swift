import Glibc

/// Gives the bytes of a pipe as a file that can be mapped.
package enum PipedFile {
    /// Maps the file at `path`. The bytes of a pipe are first copied to a temporary file, as much as the disk takes.
    ///
    /// The temporary file is in `$TMPDIR`, or else in `/var/tmp`, and has no name: whatever ends the process, it is gone then.
    ///
    /// - Throws: ``FileError`` as `MappedFile` does, and where the disk is full.
    package static func map(_ path: String) throws(FileError) -> MappedFile {
        guard isPipe(path) else { return try MappedFile(path: path) }
        // A socket cannot be opened by its name in /dev.
        let source = path == standardInput ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw FileError(path: path, operation: .open, code: errno) }
        defer { close(source) }
        let target = try namelessFile()
        do throws(FileError) {
            try copy(source, to: target, path: path)
        } catch {
            close(target)
            throw error
        }
        return try MappedFile(target, path: path)
    }

    /// The path that standard input has.
    package static let standardInput = "/dev/stdin"

    /// Whether a pipe or socket is at `path`, whose bytes come once.
    package static func isPipe(_ path: String) -> Bool {
        var status = stat()
        guard (path == standardInput ? fstat(STDIN_FILENO, &status) : stat(path, &status)) == 0 else {
            return false
        }
        return [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT)
    }

    private static var folder: String {
        if let folder = getenv("TMPDIR").map({ String(cString: $0) }), !folder.isEmpty { return folder }
        // On a disk, where /tmp may be memory.
        return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp"
    }

    /// A new file that is open for reading and writing, and that nobody else can open.
    private static func namelessFile() throws(FileError) -> Int32 {
        let temporary: TemporarySibling
        do throws(FileError) {
            temporary = try TemporarySibling(of: folder + "/stdin")
        } catch {
            throw FileError(path: folder, operation: .write, code: error.code)
        }
        let descriptor = fcntl(temporary.descriptor, F_DUPFD_CLOEXEC, 0)
        let code = errno
        temporary.remove()
        guard descriptor >= 0 else { throw FileError(path: folder, operation: .write, code: code) }
        return descriptor
    }

    private static func copy(_ source: Int32, to target: Int32, path: String) throws(FileError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(source, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
            if count == 0 { return }
            var done = 0
            while done < count {
                let written = buffer.withUnsafeBytes {
                    write(target, $0.baseAddress.map { $0 + done }, count - done)
                }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { throw FileError(path: folder, operation: .write, code: errno) }
                done += written
            }
        }
    }
}
