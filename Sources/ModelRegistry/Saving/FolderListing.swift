import Foundations

/// The files of a folder that a version was saved from: their names, and how many bytes each has.
///
/// Stored at the beginning of the folder's bytes, which the recipe of a source file describes: the number of files; for each
/// the length of its name, the name and the length of the file. Numbers are LEB128. The files follow, one after the
/// other. Attachments are not among them.
public struct FolderListing: Equatable, Sendable {
    /// A file.
    public struct File: Equatable, Sendable {
        /// Its name below the folder, joined by `/`.
        public let name: String
        /// Its length.
        public let byteCount: Int

        /// Describes a file.
        public init(name: String, byteCount: Int) {
            self.name = name
            self.byteCount = byteCount
        }
    }

    /// The files, in the order of their bytes.
    public let files: [File]

    /// Lists `files`.
    public init(_ files: [File]) { self.files = files }

    /// The stored form.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: Int) { LEB128.write(number) { bytes.append($0) } }
        append(files.count)
        for file in files {
            append(file.name.utf8.count)
            bytes += file.name.utf8
            append(file.byteCount)
        }
        return bytes
    }

    /// Reads the stored form at the beginning of a folder's bytes.
    ///
    /// - Parameters:
    ///   - bytes: What is before the first tensor.
    ///   - folderByteCount: Bytes of the listing and all files.
    /// - Returns: The listing, and where the first file begins.
    /// - Throws: ``RegistryError/Damage`` where it is no listing of so many bytes, or has names that lead elsewhere.
    static func read(
        _ bytes: some Collection<UInt8>, folderByteCount: Int
    ) throws(RegistryError.Damage) -> (listing: FolderListing, start: Int) {
        let damage = RegistryError.Damage(problem: "the list of the files of its folder is damaged")
        let bytes = [UInt8](bytes)
        let read = bytes.withUnsafeBytes { bytes -> (files: [File], start: Int)? in
            var reader = ByteReader(bytes)
            guard let count = reader.number(), count <= bytes.count else { return nil }
            var files: [File] = []
            var total = 0
            for _ in 0..<count {
                guard let length = reader.number(), let range = reader.take(length),
                    let name = reader.text(range), RelativeName.isSafe(name), let byteCount = reader.number(),
                    byteCount <= folderByteCount - total
                else { return nil }
                total += byteCount
                files.append(File(name: name, byteCount: byteCount))
            }
            return total == folderByteCount - reader.position ? (files, reader.position) : nil
        }
        guard let read, RelativeName.firstConflict(read.files.map(\.name)) == nil else { throw damage }
        return (FolderListing(read.files), read.start)
    }
}
