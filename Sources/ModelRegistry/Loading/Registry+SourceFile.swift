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
        try restoreSource(
            of: version, mayReplace: mayReplace, verifiesHashes: verifiesHashes, progress: progress
        ) {
            [($0, path)]
        }
    }

    /// Writes the files that a version was saved from again, byte for byte; see ``SourceFile``.
    ///
    /// - Parameter files: How many bytes each has, and where to write it; they appear one after the other once all are
    ///   complete.
    /// - Returns: `false` where the version was not saved from files, or they cannot be given back.
    /// - Throws: ``RegistryError``, also where the lengths are not those of the files together; ``FileError``.
    public func restoreSourceFiles(
        of version: Version, to files: [(byteCount: Int, path: String)], mayReplace: Bool = false,
        verifiesHashes: Bool = false, progress: ProgressHandler? = nil
    ) throws -> Bool {
        try restoreSource(
            of: version, mayReplace: mayReplace, verifiesHashes: verifiesHashes, progress: progress
        ) {
            byteCount in
            var rest = byteCount
            for file in files where rest >= 0 {
                rest = (0...rest).contains(file.byteCount) ? rest - file.byteCount : -1
            }
            guard rest == 0 else {
                throw RegistryError.damaged(
                    RegistryError.Damage(
                        version: version.reference, problem: "its source files have other lengths together"))
            }
            return files
        }
    }

    /// - Parameter files: The files to cut so many bytes into.
    private func restoreSource(
        of version: Version, mayReplace: Bool, verifiesHashes: Bool, progress: ProgressHandler?,
        files: (_ byteCount: Int) throws -> [(byteCount: Int, path: String)]
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
        var outputs: [(file: OutputFile, range: Range<Int>)] = []
        for file in try files(byteCount) {
            let start = outputs.last?.range.upperBound ?? 0
            let output = try OutputFile(path: file.path, byteCount: file.byteCount, mayReplace: mayReplace)
            outputs.append((output, start..<start + file.byteCount))
        }
        for (literal, position) in places.literals {
            // The bytes between two tensors may be the end of one file and the beginning of the next.
            for (file, range) in outputs {
                let part = range.clamped(to: position..<position + literal.count)
                guard !part.isEmpty else { continue }
                let start = literal.lowerBound + part.lowerBound - position
                UnsafeMutableRawBufferPointer(
                    rebasing: file.bytes[
                        part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound]
                ).copyBytes(from: recipe.literals[start..<start + part.count])
            }
        }
        let requests = try places.tensors.filter { $0.row.byteCount > 0 }.map { row, path, position in
            guard
                let (file, range) = outputs.first(where: {
                    $0.range.contains(position) && row.byteCount <= $0.range.upperBound - position
                })
            else {
                throw RegistryError.damaged(
                    RegistryError.Damage(
                        version: version.reference,
                        problem: "\(quoted(path.text)) lies in two of its source files"))
            }
            let start = position - range.lowerBound
            return TensorReader.Request(
                tensor: row, path: path,
                destination: UnsafeMutableRawBufferPointer(rebasing: file.bytes[start..<start + row.byteCount]))
        }
        try reader.read(requests, verifiesHashes: verifiesHashes, progress: progress)
        for (file, _) in outputs { try file.commit() }
        return true
    }
}
