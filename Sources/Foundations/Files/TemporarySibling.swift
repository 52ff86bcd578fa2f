import Glibc

/// A new, empty file beside one that is to be written, on the same file system so that it can take its name.
package struct TemporarySibling {
    /// Open for reading and writing; the caller closes it.
    package let descriptor: Int32

    /// `path` and a random ending. The caller renames or removes it.
    package let path: String

    /// Makes a file beside `path`, with the permissions that any new file has.
    ///
    /// - Throws: ``FileError`` of `path` when the folder cannot be written.
    package init(of path: String) throws(FileError) {
        // Not mkstemp: it makes files private, and the mask to undo that cannot be asked for without setting it.
        while true {
            let sibling = path + "." + String(UInt32.random(in: 0...UInt32.max), radix: 36)
            let descriptor = open(sibling, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 {
                self.descriptor = descriptor
                self.path = sibling
                return
            }
            guard errno == EEXIST else { throw FileError(path: path, operation: .write, code: errno) }
        }
    }
}
