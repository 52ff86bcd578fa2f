import Glibc

/// A file of known size that appears under its name only once it is complete.
///
/// The bytes are memory of a temporary file in the same folder; ``commit()`` gives it its name. Without a commit
/// the temporary file is removed, and what was there stays.
public final class OutputFile: @unchecked Sendable {
    /// The path that the file will have.
    public let path: String

    /// The file's bytes, zero at first, to be written. Valid as long as this object lives.
    public let bytes: UnsafeMutableRawBufferPointer

    private let temporaryPath: String
    private let mayReplace: Bool
    private var isCommitted = false

    /// Reserves `byteCount` bytes on the disk.
    ///
    /// - Parameter mayReplace: Whether a file that is there already gives way.
    /// - Throws: ``FileError`` when the file exists and may not be replaced (`EEXIST`), the folder cannot be
    ///   written, or the disk is full.
    public init(path: String, byteCount: Int, mayReplace: Bool) throws(FileError) {
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR {
                throw FileError(path: path, operation: .write, code: EISDIR)
            }
            if !mayReplace { throw FileError(path: path, operation: .write, code: EEXIST) }
        }
        let temporary = try TemporarySibling(of: path)
        let (descriptor, temporaryPath) = (temporary.descriptor, temporary.path)
        defer { close(descriptor) }
        // Reserved rather than sparse: a disk that fills up while a mapping is written ends the process.
        let code = byteCount == 0 ? 0 : posix_fallocate(descriptor, 0, byteCount)
        guard code == 0 else {
            unlink(temporaryPath)
            throw FileError(path: path, operation: .write, code: code)
        }
        if byteCount == 0 {
            bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        } else {
            let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
            guard let address, address != MAP_FAILED else {
                let code = errno
                unlink(temporaryPath)
                throw FileError(path: path, operation: .write, code: code)
            }
            bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
        }
        self.path = path
        self.temporaryPath = temporaryPath
        self.mayReplace = mayReplace
    }

    /// Gives the file its name.
    ///
    /// - Throws: ``FileError``, with `EEXIST` when another file took the name meanwhile and may not be replaced.
    public func commit() throws(FileError) {
        // link() fails where rename() would silently replace.
        let code = mayReplace ? rename(temporaryPath, path) : link(temporaryPath, path)
        guard code == 0 else { throw FileError(path: path, operation: .write, code: errno) }
        if !mayReplace { unlink(temporaryPath) }
        isCommitted = true
    }

    deinit {
        if let address = bytes.baseAddress { munmap(address, bytes.count) }
        if !isCommitted { unlink(temporaryPath) }
    }
}
