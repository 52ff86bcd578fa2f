import Checkpoints
import ChunkStore
import GRDB

/// Source files of versions as rows.
enum SourceFileTable {
    static func insert(_ source: NewSourceFile, version: Int64, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO source_file (version, name, format, byte_count, content_id, recipe)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            version, source.name, source.format, source.byteCount, ContentID(hashing: source.recipe).data,
            source.recipe.data,
        ])
    }

    /// The source file of a version; `nil` where there is none.
    static func sourceFile(_ db: Database, version: Int64) throws -> NewSourceFile? {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT name, format, byte_count, recipe FROM source_file WHERE version = ?"),
            arguments: [version])
        return try row.map { row in
            NewSourceFile(
                name: try row.value("name"), format: try row.value("format"),
                byteCount: try row.value("byte_count"),
                recipe: try row.withUnsafeData(named: "recipe") { $0.map { [UInt8]($0) } ?? [] })
        }
    }
}

/// The row of a version's source file.
struct SourceFileRow {
    let byteCount: Int
    private let isFolder: Bool
    private let contentID: ContentID
    private let encoded: [UInt8]

    init?(_ db: Database, _ version: Version) throws {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT format, byte_count, content_id, recipe FROM source_file WHERE version = ?"),
            arguments: [version.rowID])
        guard let row else { return nil }
        byteCount = try row.value("byte_count")
        isFolder = try row.value("format", as: String.self) == SourceFile.folderFormat
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
        /// The files that a folder is cut into, and where the first of them begins.
        var folder: (listing: FolderListing, start: Int)?
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
        if isFolder {
            let first = recipe.pieces.first?.literal ?? 0..<0
            places.folder = try FolderListing.read(recipe.literals[first], folderByteCount: byteCount)
        }
        return places
    }
}
