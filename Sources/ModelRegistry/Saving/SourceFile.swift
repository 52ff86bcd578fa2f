public import Foundations
public import OrderedCollections
public import Tensors

/// A file that a checkpoint was read from, and where in it the bytes of its storages are. Of several files that are one
/// model, all bytes one after the other.
public struct SourceFile: Sendable {
    /// The name of the file, or of the first one, without its folder.
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
        self.name = name
        self.format = format
        self.files = files
        self.storages = storages
        self.metadata = metadata
    }
}

extension SourceFile {
    /// The ``format`` of a file that is kept as it is, whatever it is.
    public static let opaqueFormat = "file"

    /// Bytes of all files.
    var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// Copies bytes of the files as they are on the disk now.
    ///
    /// - Throws: `FileError`, `FileChangedError`.
    func copyBytes(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
        var start = 0
        for file in files {
            let part = range.clamped(to: start..<start + file.byteCount)
            if !part.isEmpty {
                let place = part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound
                try file.copyBytes(
                    part.lowerBound - start..<part.upperBound - start,
                    into: UnsafeMutableRawBufferPointer(rebasing: target[place]))
            }
            start += file.byteCount
        }
    }
}
