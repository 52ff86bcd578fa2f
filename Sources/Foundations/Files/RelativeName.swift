/// Names of files below a folder.
///
/// They come from a registry or patch, which may be anybody's: they are data, and never lead out of the folder.
package enum RelativeName {
    /// Longest name that the system takes for one file or folder.
    package static let maximumComponentByteCount = 255

    /// Longest path that the system takes.
    package static let maximumByteCount = 4095

    /// Whether `name` can only be that of a file below a folder: names joined by `/`, none of them empty, `.` or `..`.
    package static func isSafe(_ name: String) -> Bool {
        guard name.utf8.count <= maximumByteCount, !name.utf8.contains(0) else { return false }
        return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
                && $0.count <= maximumComponentByteCount
        }
    }

    /// The first of `names` that cannot be in one folder with the others: it is there twice, or is a file and a folder.
    ///
    /// Names are compared by their bytes, as the system does.
    package static func firstConflict(_ names: [String]) -> String? {
        var files: Set<[UInt8]> = []
        for name in names where !files.insert(Array(name.utf8)).inserted { return name }
        for name in names {
            let bytes = Array(name.utf8)
            for slash in bytes.indices where bytes[slash] == UInt8(ascii: "/") {
                if files.contains(Array(bytes[..<slash])) { return name }
            }
        }
        return nil
    }

    /// Whether `left` comes before `right` in the order of their bytes, in which all files of a folder are neighbours.
    package static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}
