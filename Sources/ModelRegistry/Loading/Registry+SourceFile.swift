import Checkpoints
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
        try read { db in
            guard let source = try SourceFileRow(db, version) else { return false }
            let content = try VersionContent(db, version)
            do {
                let recipe = try source.recipe(leafCount: content.leaves.count)
                let places = try source.places(recipe, content)
                let output = try OutputFile(path: path, byteCount: source.byteCount, mayReplace: mayReplace)
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
                try TensorReader(db, reference: version.reference, verifiesHashes: verifiesHashes)
                    .read(requests, progress: progress)
                try output.commit()
                return true
            } catch var damage as RegistryError.Damage {
                damage.version = version.reference
                throw RegistryError.damaged(damage)
            }
        }
    }
}

/// The row of a version's source file.
struct SourceFileRow {
    let byteCount: Int
    private let contentID: ContentID
    private let encoded: [UInt8]

    init?(_ db: Database, _ version: Version) throws {
        let row = try Row.fetchOne(
            db, sql: "SELECT byte_count, content_id, recipe FROM source_file WHERE version = ?",
            arguments: [version.rowID])
        guard let row else { return nil }
        byteCount = try row.value("byte_count")
        contentID = try row.contentID("content_id")
        encoded = try row.withUnsafeData(named: "recipe") { $0.map { [UInt8]($0) } ?? [] }
    }

    /// The recipe, checked against its hash.
    ///
    /// - Throws: ``RegistryError/Damage``.
    func recipe(leafCount: Int) throws -> FileRecipe {
        guard ContentID(hashing: encoded) == contentID else {
            throw RegistryError.Damage(problem: "the recipe of its source file does not match its hash")
        }
        return try FileRecipe(encoded: encoded, fileByteCount: byteCount, leafCount: leafCount)
    }

    /// Where literals and tensors go in the file.
    struct Places {
        var literals: [(range: Range<Int>, position: Int)] = []
        var tensors: [(row: TensorRow, path: CheckpointPath, position: Int)] = []
    }

    /// Lays the pieces of a recipe one after the other.
    ///
    /// - Throws: ``RegistryError/Damage`` when they do not add up to the file.
    func places(_ recipe: FileRecipe, _ content: VersionContent) throws -> Places {
        var places = Places()
        var position = 0
        for piece in recipe.pieces {
            places.literals.append((piece.literal, position))
            position += piece.literal.count
            guard let leaf = piece.leaf else { continue }
            guard case .tensor(let row, _, _) = content.leaves[leaf].content,
                row.byteCount <= byteCount - position
            else { throw RegistryError.Damage(problem: "the recipe of its source file names no tensor") }
            places.tensors.append((row, content.leaves[leaf].path, position))
            position += row.byteCount
        }
        guard position == byteCount else {
            throw RegistryError.Damage(problem: "the recipe of its source file has another length")
        }
        return places
    }
}
