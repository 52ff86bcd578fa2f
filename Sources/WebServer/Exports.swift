#if Web
import Foundations
import Glibc
import NIOCore
import Pages
import Synchronization

/// A file that was made of a version and has no name any more: it goes away with its last reader.
final class ExportedFile: Sendable {
    let byteCount: Int
    private let descriptor: Int32

    init(descriptor: Int32) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            close(descriptor)
            throw FileError(path: "export", operation: .read, code: errno)
        }
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// A descriptor of its own for one answer.
    func open() -> NIOFileHandle? {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        return copy < 0 ? nil : NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: copy)
    }
}

/// Makes files of versions, and keeps the last: a download that goes on asks for it again.
final class Exports: Sendable {
    private let last = Mutex<(export: PageExport, file: ExportedFile)?>(nil)

    /// The file; made where it is not the last one. Nothing of the registry is held once it is there, so that no
    /// transaction waits for whoever reads slowly.
    func file(_ export: PageExport, _ site: PageSite) throws -> ExportedFile {
        if let known = last.withLock({ $0?.export == export ? $0?.file : nil }) { return known }
        let file = try ExportedFile(descriptor: site.open(export))
        last.withLock { $0 = (export, file) }
        return file
    }
}
#endif
