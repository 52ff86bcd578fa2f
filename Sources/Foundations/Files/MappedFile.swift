import CKernels
import Glibc

/// A file's bytes as memory, read when they are touched.
///
/// Writes stay private to the process: the file never changes. Where another process truncates the file while it is
/// mapped, touching what is gone ends the process with SIGBUS; ``copyBytes(_:into:)`` throws instead, and a program can
/// call ``surviveTruncation()``. Others may also write to it: what has been read once may read differently the next time,
/// which ``requireUnchanged()`` notices.
public final class MappedFile: @unchecked Sendable {
    /// Size of the file when it was opened, in bytes.
    public let byteCount: Int

    /// The path it was opened at, for messages.
    public let path: String

    private let descriptor: Int32
    private let bytes: UnsafeMutableRawBufferPointer
    /// When the file had last been written as it was opened.
    private let modified: timespec

    /// Maps the file at `path`.
    ///
    /// - Throws: ``FileError`` when there is no such file, it cannot be read, or it is not a regular file.
    public convenience init(path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, operation: .open, code: errno) }
        try self.init(descriptor, path: path)
    }

    /// Maps the file that `descriptor` is open for, and closes that in the end.
    ///
    /// - Parameter path: The name that messages give it.
    init(_ descriptor: Int32, path: String) throws(FileError) {
        func failure(_ code: Int32) -> FileError {
            close(descriptor)
            return FileError(path: path, operation: .read, code: code)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw failure(status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
        }
        let byteCount = Int(status.st_size)
        var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        if byteCount > 0 {
            // MAP_PRIVATE with write permission: a tensor of the mapping can be changed in place, page by page copied.
            let address = mmap(
                nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0)
            guard let address, address != MAP_FAILED else { throw failure(errno) }
            bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
            _ = mr_watch_mapping(address, byteCount)
        }
        self.path = path
        self.byteCount = byteCount
        self.descriptor = descriptor
        self.bytes = bytes
        modified = status.st_mtim
    }

    deinit {
        if let address = bytes.baseAddress {
            mr_unwatch_mapping(address)
            munmap(address, byteCount)
        }
        close(descriptor)
    }

    /// Makes bytes of mapped files that are gone read as zeros, from now on and in the whole process, where touching them
    /// would end it.
    ///
    /// Installs a handler of SIGBUS: for programs, and not for libraries. ``requireUnchanged()`` tells what happened.
    public static func surviveTruncation() { mr_survive_truncated_files() }

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

    /// Copies bytes of the file, as they are on the disk now.
    ///
    /// - Precondition: `range` is as long as `target`.
    /// - Throws: ``FileChangedError`` where the file has become shorter, ``FileError``.
    package func copyBytes(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
        precondition(range.count == target.count, "\(range.count) bytes for \(target.count)")
        var done = 0
        while done < target.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(range.lowerBound + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
            guard count > 0 else { throw FileChangedError(path: path) }
            done += count
        }
    }

    /// Where memory of this mapping is in the file; `nil` for other memory.
    package func range(of memory: UnsafeRawBufferPointer) -> Range<Int>? {
        guard let start = memory.baseAddress, let base = bytes.baseAddress, start >= UnsafeRawPointer(base),
            start + memory.count <= UnsafeRawPointer(base) + byteCount
        else { return nil }
        let offset = start - UnsafeRawPointer(base)
        return offset..<offset + memory.count
    }

    /// Checks that nobody has written to the file or changed its length since it was opened. Another file in its place
    /// is no change: this object goes on with the one that it opened.
    ///
    /// - Throws: ``FileChangedError``, ``FileError``.
    package func requireUnchanged() throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FileError(path: path, operation: .read, code: errno)
        }
        guard Int(status.st_size) == byteCount, status.st_mtim.tv_sec == modified.tv_sec,
            status.st_mtim.tv_nsec == modified.tv_nsec
        else { throw FileChangedError(path: path) }
    }
}
