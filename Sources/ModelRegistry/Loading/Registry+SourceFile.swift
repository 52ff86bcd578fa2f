extension Registry {
    /// Writes the file that a version was saved from again, byte for byte.
    ///
    /// - Parameters:
    ///   - path: Where to write it; it appears there once it is complete.
    ///   - mayReplace: Whether a file that is there already gives way.
    /// - Returns: `false` where the version was not saved from a file, or that file cannot be given back.
    /// - Throws: ``RegistryError``, ``FileError``.
    public func restoreSourceFile(
        of version: Version, to path: String, mayReplace: Bool = false, verifiesHashes: Bool = false,
        progress: ProgressHandler? = nil
    ) throws -> Bool {
        guard let source = try SourceBytes(self, version) else { return false }
        try source.write(
            0..<source.byteCount, to: path, mayReplace: mayReplace, verifiesHashes: verifiesHashes,
            progress: progress)
        return true
    }

    /// Writes the files that a version was saved from again, byte for byte, one after the other; see ``SourceFile``.
    ///
    /// - Parameter files: How many bytes each has, and where to write it.
    /// - Returns: `false` where the version was not saved from files, or they cannot be given back.
    /// - Throws: ``RegistryError``, also where the lengths are not those of the files together; ``FileError``.
    public func restoreSourceFiles(
        of version: Version, to files: [(byteCount: Int, path: String)], mayReplace: Bool = false,
        verifiesHashes: Bool = false, progress: ProgressHandler? = nil
    ) throws -> Bool {
        guard let source = try SourceBytes(self, version) else { return false }
        var rest = source.byteCount
        for file in files where rest >= 0 {
            rest = (0...rest).contains(file.byteCount) ? rest - file.byteCount : -1
        }
        guard rest == 0 else {
            throw RegistryError.damaged(
                RegistryError.Damage(
                    version: version.reference, problem: "its source files have other lengths together"))
        }
        var start = 0
        for file in files {
            let before = start
            try source.write(
                start..<start + file.byteCount, to: file.path, mayReplace: mayReplace,
                verifiesHashes: verifiesHashes
            ) { part, _ in progress?(before + part, source.byteCount) }
            start += file.byteCount
        }
        return true
    }

    /// The folder that a version was saved from; `nil` where it was none.
    ///
    /// - Throws: ``RegistryError``.
    public func sourceFolder(of version: Version) throws -> SourceFolder? {
        guard let row = try details(of: version).sourceFile, row.format == SourceFile.folderFormat,
            let source = try SourceBytes(self, version), let folder = source.folder
        else { return nil }
        return SourceFolder(
            name: row.name, files: folder.listing.files, start: folder.start, bytes: source)
    }
}

/// A folder that a version was saved from, whose files can be written again, byte for byte, one by one.
///
/// Attachments are not among them.
public struct SourceFolder: Sendable {
    /// What the folder was called. It comes from a registry, which may be anybody's.
    public let name: String

    /// The files, whose names never lead out of the folder.
    public let files: [FolderListing.File]

    /// Where each file begins in the folder's bytes.
    private let starts: [Int]
    private let bytes: SourceBytes

    fileprivate init(name: String, files: [FolderListing.File], start: Int, bytes: SourceBytes) {
        self.name = name
        self.files = files
        self.bytes = bytes
        var position = start
        starts = files.map { file in
            defer { position += file.byteCount }
            return position
        }
    }

    /// Writes one of ``files``. Memory does not grow with it.
    ///
    /// - Parameters:
    ///   - index: Which one.
    ///   - path: Where to write it; it appears there once it is complete.
    ///   - mayReplace: Whether a file that is there already gives way.
    /// - Throws: ``RegistryError``, ``FileError``.
    public func restore(
        _ index: Int, to path: String, mayReplace: Bool = false, verifiesHashes: Bool = false,
        progress: ProgressHandler? = nil
    ) throws {
        try bytes.write(
            starts[index]..<starts[index] + files[index].byteCount, to: path, mayReplace: mayReplace,
            verifiesHashes: verifiesHashes, progress: progress)
    }
}
