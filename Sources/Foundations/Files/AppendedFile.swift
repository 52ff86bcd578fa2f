import Glibc

/// A file that is written from front to back, and appears under its name only once it is complete.
package final class AppendedFile {
    private let path: String
    private let mayReplace: Bool
    private let temporary: TemporarySibling
    private var isCommitted = false
    package private(set) var byteCount = 0

    /// - Parameter mayReplace: Whether a file that is there already gives way.
    /// - Throws: `FileError` when the file exists and may not be replaced (`EEXIST`), or the folder cannot be written.
    package init(path: String, mayReplace: Bool) throws(FileError) {
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR {
                throw FileError(path: path, operation: .write, code: EISDIR)
            }
            if !mayReplace { throw FileError(path: path, operation: .write, code: EEXIST) }
        }
        self.path = path
        self.mayReplace = mayReplace
        temporary = try TemporarySibling(of: path)
    }

    /// Writes `bytes` at the end.
    package func append(_ bytes: [UInt8]) throws(FileError) {
        let outcome = bytes.withUnsafeBytes { bytes in
            Result { () throws(FileError) in try append(bytes) }
        }
        try outcome.get()
    }

    /// Writes `bytes` at the end.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var offset = 0
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let count = write(temporary.descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileError(path: path, operation: .write, code: errno) }
            offset += count
        }
        byteCount += bytes.count
    }

    /// Calls `body` with everything that was written.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try MappedFile(path: temporary.path).withUnsafeBytes(body)
    }

    /// Gives the file its name. When this returns, the file is on the disk.
    ///
    /// - Throws: `FileError`, with `EEXIST` when another file took the name meanwhile and may not be replaced.
    package func commit() throws(FileError) {
        try temporary.publish(as: path, mayReplace: mayReplace)
        isCommitted = true
    }

    deinit {
        if isCommitted { close(temporary.descriptor) } else { temporary.remove() }
    }
}
