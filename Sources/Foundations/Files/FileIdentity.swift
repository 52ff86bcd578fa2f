import Glibc

/// Whether two paths are of one file.
package enum FileIdentity {
    /// Whether there is a file at both paths, and it is the same one. Links are followed.
    package static func isSame(_ path: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard stat(path, &first) == 0, stat(other, &second) == 0 else { return false }
        return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
    }
}
