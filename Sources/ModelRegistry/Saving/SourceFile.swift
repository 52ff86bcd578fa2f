public import Foundations
public import OrderedCollections
public import Tensors

/// A file that a checkpoint was read from, and where in it the bytes of its storages are. Of several files that are one
/// model, all bytes one after the other.
public struct SourceFile: Sendable {
    /// The name of the file, of the first one, or of the folder that they are in, without its folder.
    public let name: String
    /// The format's name, such as `safetensors`.
    public let format: String
    /// The file, or all files in order.
    public let files: [MappedFile]
    /// Storages of the checkpoint that lie in the file, or in the files one after the other, ascending and disjoint.
    public let storages: [(range: Range<Int>, storage: Storage)]
    /// Metadata that the file carried, kept as attributes.
    public let metadata: OrderedDictionary<String, String>
    /// Bytes outside of tensors that are worth keeping to give the file back; `nil` for a small part of the file.
    public var literalLimit: Int?
    /// What is before the first file: the names and lengths of the files of a folder.
    private let prefix: [UInt8]
    /// Where each file begins.
    private let starts: [Int]

    /// The ``format`` of a file that is kept as it is, whatever it is.
    public static let opaqueFormat = "file"

    /// The ``format`` of a folder; see ``FolderListing``.
    public static let folderFormat = "folder"

    /// Describes a file.
    public init(
        name: String, format: String, file: MappedFile, storages: [(range: Range<Int>, storage: Storage)],
        metadata: OrderedDictionary<String, String>
    ) {
        self.init(name: name, format: format, files: [file], storages: storages, metadata: metadata)
    }

    /// Describes several files.
    public init(
        name: String, format: String, files: [MappedFile], storages: [(range: Range<Int>, storage: Storage)],
        metadata: OrderedDictionary<String, String>
    ) {
        self.init(
            name: name, format: format, prefix: [], files: files, storages: storages, metadata: metadata)
    }

    /// Describes the files of a folder.
    ///
    /// - Parameter files: By their names below the folder, each with the storages of the checkpoint that lie in it, ascending
    ///   and disjoint.
    public init(
        folder name: String,
        files: [(name: String, file: MappedFile, storages: [(range: Range<Int>, storage: Storage)])],
        metadata: OrderedDictionary<String, String>
    ) {
        let listing = FolderListing(
            files.map { FolderListing.File(name: $0.name, byteCount: $0.file.byteCount) })
        let prefix = listing.encoded
        var storages: [(range: Range<Int>, storage: Storage)] = []
        var start = prefix.count
        for file in files {
            storages += file.storages.map {
                (start + $0.range.lowerBound..<start + $0.range.upperBound, $0.storage)
            }
            start += file.file.byteCount
        }
        self.init(
            name: name, format: SourceFile.folderFormat, prefix: prefix, files: files.map(\.file),
            storages: storages, metadata: metadata)
    }

    private init(
        name: String, format: String, prefix: [UInt8], files: [MappedFile],
        storages: [(range: Range<Int>, storage: Storage)], metadata: OrderedDictionary<String, String>
    ) {
        self.name = name
        self.format = format
        self.files = files
        self.storages = storages
        self.metadata = metadata
        self.prefix = prefix
        var start = prefix.count
        starts = files.map { file in
            defer { start += file.byteCount }
            return start
        }
    }
}

extension SourceFile {
    /// Bytes of all files, and of what is before them.
    var byteCount: Int {
        files.last.flatMap { file in starts.last.map { $0 + file.byteCount } } ?? prefix.count
    }

    /// Copies bytes of the files as they are on the disk now.
    ///
    /// - Throws: `FileError`, `FileChangedError`.
    func copyBytes(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
        let head = range.clamped(to: 0..<prefix.count)
        target.copyBytes(from: prefix[head])
        // The files that begin before the end of the range, from the last one that begins before its start.
        var index = max(0, starts.partitioningIndex { $0 > range.lowerBound } - 1)
        while index < files.count, starts[index] < range.upperBound {
            let file = files[index]
            let part = range.clamped(to: starts[index]..<starts[index] + file.byteCount)
            if !part.isEmpty {
                let place = part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound
                try file.copyBytes(
                    part.lowerBound - starts[index]..<part.upperBound - starts[index],
                    into: UnsafeMutableRawBufferPointer(rebasing: target[place]))
            }
            index += 1
        }
    }
}

extension Array {
    /// The first index whose element fulfils `predicate`, which all after it do.
    ///
    /// - Complexity: O(log n).
    func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
