import Glibc

/// A file's bytes as memory, read when they are touched.
///
/// Writes stay private to the process: the file never changes. The file must not be truncated by others
/// while it is mapped; the system offers no way to survive that.
public final class MappedFile: @unchecked Sendable {
    /// Size of the file when it was opened, in bytes.
    public let byteCount: Int

    /// The path it was opened at, for messages.
    public let path: String

    private let bytes: UnsafeMutableRawBufferPointer

    /// Maps the file at `path`.
    ///
    /// - Throws: ``FileError`` when there is no such file, it cannot be read, or it is not a regular file.
    public init(path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, operation: .open, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FileError(path: path, operation: .read, code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let code = status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL
            throw FileError(path: path, operation: .read, code: code)
        }
        self.path = path
        byteCount = Int(status.st_size)
        guard byteCount > 0 else {
            bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return
        }
        // MAP_PRIVATE with write permission: a tensor of the mapping can be changed in place, page by page copied.
        let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw FileError(path: path, operation: .read, code: errno)
        }
        bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(address, byteCount) }
    }

    /// Calls `body` with all bytes. The pointer is valid during the call only.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(bytes))
    }

    /// The bytes of `range`, to be read and written as long as this object lives. Writes stay private to the process.
    ///
    /// - Precondition: `range` is within the file.
    package func unsafeMutableBytes(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "\(range) of \(byteCount) bytes")
        return UnsafeMutableRawBufferPointer(rebasing: bytes[range])
    }
}
