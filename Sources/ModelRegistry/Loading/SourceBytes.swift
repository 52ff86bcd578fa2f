import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// The bytes that a version was saved from, to be written again, all or some of them.
///
/// Rows are read when it is made; tensors are read, in transactions of their own, when a part is written.
struct SourceBytes: Sendable {
    /// The version, for messages.
    private let version: Version
    /// Bytes of all.
    let byteCount: Int
    private let recipe: FileRecipe
    private let places: SourceFileRow.Places
    private let reader: TensorReader

    /// - Returns: `nil` where the version was saved from no file, or one that cannot be given back.
    /// - Throws: ``RegistryError``.
    init?(_ registry: Registry, _ version: Version) throws {
        let found = try registry.read { db in
            guard let source = try SourceFileRow(db, version) else {
                return nil as (Int, FileRecipe, SourceFileRow.Places, TensorReader)?
            }
            let content = try VersionContent(db, version)
            return try locatingDamage(version: version.reference) {
                let recipe = try source.recipe(leafCount: content.leaves.count)
                let places = try source.places(recipe, content)
                let reader = try TensorReader(registry, db, version, places.tensors.map { ($0.row, $0.path) })
                return (source.byteCount, recipe, places, reader)
            }
        }
        guard let found else { return nil }
        self.version = version
        (byteCount, recipe, places, reader) = found
    }

    /// The files of a folder, and where the first of them begins; `nil` where it is no folder.
    var folder: (listing: FolderListing, start: Int)? { places.folder }

    /// Writes the bytes of `range` to a file, which appears once it is complete.
    ///
    /// - Throws: ``RegistryError``, also where the range ends within a tensor; ``FileError``.
    func write(
        _ range: Range<Int>, to path: String, mayReplace: Bool, verifiesHashes: Bool, progress: ProgressHandler?
    ) throws {
        let output = try OutputFile(path: path, byteCount: range.count, mayReplace: mayReplace)
        func destination(_ part: Range<Int>) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(
                rebasing: output.bytes[
                    part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound])
        }
        for (literal, position) in places.literals[places.literalsFrom(range.lowerBound)...] {
            guard position < range.upperBound else { break }
            let part = range.clamped(to: position..<position + literal.count)
            guard !part.isEmpty else { continue }
            let start = literal.lowerBound + part.lowerBound - position
            destination(part).copyBytes(from: recipe.literals[start..<start + part.count])
        }
        var requests: [TensorReader.Request] = []
        for (row, path, position) in places.tensors[places.tensorsFrom(range.lowerBound)...] {
            guard position < range.upperBound else { break }
            let bytes = position..<position + row.byteCount
            guard !bytes.clamped(to: range).isEmpty else { continue }
            guard bytes.clamped(to: range) == bytes else {
                throw RegistryError.damaged(
                    RegistryError.Damage(
                        version: version.reference,
                        problem: "\(quoted(path.text)) lies in two of its source files"
                    ))
            }
            requests.append(TensorReader.Request(tensor: row, path: path, destination: destination(bytes)))
        }
        try reader.read(requests, verifiesHashes: verifiesHashes, progress: progress)
        try output.commit()
    }
}

extension SourceFileRow.Places {
    /// The first literal that may end after `position`.
    fileprivate func literalsFrom(_ position: Int) -> Int {
        max(0, literals.partitioningIndex { $0.position > position } - 1)
    }

    /// The first tensor that may end after `position`.
    fileprivate func tensorsFrom(_ position: Int) -> Int {
        max(0, tensors.partitioningIndex { $0.position > position } - 1)
    }
}
