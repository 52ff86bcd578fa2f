package import Foundations
import Glibc

/// A SQLite file, page by page, read without SQLite: of a file that SQLite calls malformed, most pages are whole.
///
/// Source: the file format as SQLite documents it, <https://sqlite.org/fileformat2.html>.
package final class PageFile {
    /// What a file is taken for where its header cannot be believed.
    package struct Layout: Hashable, Sendable {
        /// Bytes of a page: a power of two from 512 to 65,536.
        package let pageByteCount: Int
        /// Whether some pages tell the parents of the others, as in files that can be vacuumed step by step.
        package let hasPointerMap: Bool

        package init(pageByteCount: Int, hasPointerMap: Bool) {
            self.pageByteCount = pageByteCount
            self.hasPointerMap = hasPointerMap
        }
    }

    package let layout: Layout
    /// Bytes of a page that SQLite uses.
    let usableByteCount: Int
    /// Number of pages, an incomplete last one included.
    package let pageCount: Int
    private let descriptor: Int32

    /// Bytes of the header at the beginning of the first page.
    static let headerByteCount = 100

    /// Opens a file.
    ///
    /// - Parameter expected: What the file is taken for where its header is damaged.
    /// - Throws: `FileError`.
    package init(path: String, expecting expected: Layout) throws(FileError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, operation: .open, code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw FileError(path: path, operation: .read, code: code)
        }
        let header = PageFile.read(descriptor, at: 0, count: PageFile.headerByteCount) ?? []
        if let (layout, reserved) = PageFile.layout(header) {
            self.layout = layout
            usableByteCount = layout.pageByteCount - reserved
        } else {
            layout = expected
            usableByteCount = expected.pageByteCount
        }
        pageCount = (Int(status.st_size) + layout.pageByteCount - 1) / layout.pageByteCount
    }

    deinit { close(descriptor) }

    private static func layout(_ header: [UInt8]) -> (Layout, reserved: Int)? {
        guard header.count == headerByteCount, header.starts(with: "SQLite format 3\0".utf8) else { return nil }
        let bytes = BigEndianBytes(header)
        let pageByteCount = bytes.integer16(at: 16) == 1 ? 65536 : bytes.integer16(at: 16)
        let reserved = Int(header[20])
        guard (512...65536).contains(pageByteCount), pageByteCount.nonzeroBitCount == 1,
            pageByteCount - reserved >= 480
        else { return nil }
        return (Layout(pageByteCount: pageByteCount, hasPointerMap: bytes.integer32(at: 52) != 0), reserved)
    }

    /// The bytes of a page; `nil` where the file has no such page, or the disk does not give it.
    ///
    /// - Parameter number: From 1. What an incomplete last page lacks is zero.
    func page(_ number: Int) -> [UInt8]? {
        guard number >= 1, number <= pageCount else { return nil }
        return PageFile.read(
            descriptor, at: (number - 1) * layout.pageByteCount, count: layout.pageByteCount)
    }

    private static func read(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8]? {
        var isReadable = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            while written < count {
                let length = pread(
                    descriptor, buffer.baseAddress! + written, count - written, off_t(offset + written))
                if length < 0, errno == EINTR { continue }
                isReadable = length >= 0
                guard length > 0 else { break }
                written += length
            }
            let rest = UnsafeMutableBufferPointer(rebasing: buffer[written...])
            rest.initialize(repeating: 0)
            written = count
        }
        return isReadable ? bytes : nil
    }
}

/// Big-endian integers within bytes. Offsets outside of them are the programmer's mistake.
struct BigEndianBytes {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func integer16(at offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }

    func integer32(at offset: Int) -> Int {
        integer16(at: offset) << 16 | integer16(at: offset + 2)
    }
}
