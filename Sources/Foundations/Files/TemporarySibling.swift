import Glibc

/// A new, empty file beside one that is to be written, on the same file system so that it can take its name.
package struct TemporarySibling {
    /// Open for reading and writing; the caller closes it.
    package let descriptor: Int32

    /// Where the file is until it has its name. The caller publishes or removes it.
    package let path: String
    private let place: Int?

    /// Makes a file beside `path`, with the permissions that any new file has.
    ///
    /// Its name has nothing of that of `path`, which may be as long as names can be.
    ///
    /// - Throws: ``FileError`` of `path` when the folder cannot be written.
    package init(of path: String) throws(FileError) {
        let folder = FolderSync.folder(of: path)
        // Not mkstemp: it makes files private, and the mask to undo that cannot be asked for without setting it.
        while true {
            let random = String(UInt32.random(in: 0...UInt32.max), radix: 36)
            let sibling = "\(folder).modelreg-\(random)"
            // Before there is a file: a signal may come at any time.
            let place = TemporaryFiles.note(sibling)
            let descriptor = open(sibling, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 {
                self.descriptor = descriptor
                self.path = sibling
                self.place = place
                return
            }
            let code = errno
            TemporaryFiles.forget(place)
            guard code == EEXIST else { throw FileError(path: path, operation: .write, code: code) }
        }
    }

    /// Gives the file the name `path`. When this returns, bytes and name are on the disk.
    ///
    /// - Parameter mayReplace: Whether a file that is there already gives way.
    /// - Throws: ``FileError``, with `EEXIST` when there is one that may not be replaced. The temporary file is still
    ///   there then.
    package func publish(as path: String, mayReplace: Bool) throws(FileError) {
        // The bytes first: after a power cut a name without them would be worse than none.
        DiskStep.bytes(of: path).note()
        guard fsync(descriptor) == 0 else { throw FileError(path: path, operation: .write, code: errno) }
        DiskStep.name(path).note()
        if mayReplace {
            guard rename(self.path, path) == 0 else {
                throw FileError(path: path, operation: .write, code: errno)
            }
        } else if link(self.path, path) == 0 {
            unlink(self.path)
        } else {
            // link() fails where rename() would silently replace, and on file systems without hard links.
            let code = errno
            guard code != EEXIST, access(path, F_OK) != 0, rename(self.path, path) == 0 else {
                throw FileError(path: path, operation: .write, code: code)
            }
        }
        TemporaryFiles.forget(place)
        try FolderSync.sync(folderOf: path)
    }

    /// Closes and removes the file.
    package func remove() {
        close(descriptor)
        unlink(path)
        TemporaryFiles.forget(place)
    }
}
