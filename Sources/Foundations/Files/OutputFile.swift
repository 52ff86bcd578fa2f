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

    private let temporary: TemporarySibling
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
        // Reserved rather than sparse: a disk that fills up while a mapping is written ends the process.
        let code = byteCount == 0 ? 0 : posix_fallocate(temporary.descriptor, 0, byteCount)
        guard code == 0 else {
            temporary.remove()
            throw FileError(path: path, operation: .write, code: code)
        }
        if byteCount == 0 {
            bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        } else {
            let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, temporary.descriptor, 0)
            guard let address, address != MAP_FAILED else {
                let code = errno
                temporary.remove()
                throw FileError(path: path, operation: .write, code: code)
            }
            bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
        }
        self.path = path
        self.temporary = temporary
        self.mayReplace = mayReplace
    }

    /// Gives the file its name. When this returns, the file is on the disk.
    ///
    /// - Throws: ``FileError``, with `EEXIST` when another file took the name meanwhile and may not be replaced.
    public func commit() throws(FileError) {
        try temporary.publish(as: path, mayReplace: mayReplace)
        isCommitted = true
    }

    /// Writes a whole file that is in memory.
    ///
    /// - Throws: ``FileError``, as ``init(path:byteCount:mayReplace:)`` and ``commit()``.
    package static func write(_ content: [UInt8], to path: String, mayReplace: Bool) throws(FileError) {
        let file = try OutputFile(path: path, byteCount: content.count, mayReplace: mayReplace)
        file.bytes.copyBytes(from: content)
        try file.commit()
    }

    deinit {
        if let address = bytes.baseAddress { munmap(address, bytes.count) }
        if isCommitted { close(temporary.descriptor) } else { temporary.remove() }
    }
}
