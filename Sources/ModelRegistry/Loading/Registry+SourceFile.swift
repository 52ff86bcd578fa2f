import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

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
        let found = try read { db in
            guard let source = try SourceFileRow(db, version) else {
                return nil as (Int, FileRecipe, SourceFileRow.Places, TensorReader)?
            }
            let content = try VersionContent(db, version)
            return try locatingDamage(version: version.reference) {
                let recipe = try source.recipe(leafCount: content.leaves.count)
                let places = try source.places(recipe, content)
                let reader = try TensorReader(self, db, version, places.tensors.map { ($0.row, $0.path) })
                return (source.byteCount, recipe, places, reader)
            }
        }
        guard let (byteCount, recipe, places, reader) = found else { return false }
        let output = try OutputFile(path: path, byteCount: byteCount, mayReplace: mayReplace)
        for (literal, position) in places.literals {
            UnsafeMutableRawBufferPointer(rebasing: output.bytes[position..<position + literal.count])
                .copyBytes(from: recipe.literals[literal])
        }
        let requests = places.tensors.map { row, path, position in
            TensorReader.Request(
                tensor: row, path: path,
                destination: UnsafeMutableRawBufferPointer(
                    rebasing: output.bytes[position..<position + row.byteCount]))
        }
        try reader.read(requests, verifiesHashes: verifiesHashes, progress: progress)
        try output.commit()
        return true
    }
}
