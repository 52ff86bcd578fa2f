package import Checkpoints
package import ChunkStore
import GRDB
import Tensors

extension Registry {
    /// Readers of versions, which were all there in one transaction.
    ///
    /// - Throws: ``RegistryError``.
    package func readers(of references: [String]) throws -> [VersionReader] {
        try read { db in
            try references.map { reference in
                let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
                return try VersionReader(self, db, version)
            }
        }
    }
}

/// Reads stretches of the tensors of a version, from any thread and for as long as the version is there. Holds no lock.
package final class VersionReader: Sendable {
    /// What the version is.
    package let manifest: Manifest
    private let content: VersionContent
    private let registry: Registry

    fileprivate init(_ registry: Registry, _ db: Database, _ version: Version) throws {
        self.registry = registry
        content = try VersionContent(db, version)
        manifest = content.manifest
    }

    /// How a leaf lies in its stored tensor; `nil` for a plain value.
    package func view(ofLeaf ordinal: Int) -> SavePlan.View? {
        if case .tensor(_, let view, _) = content.leaves[ordinal].content { view } else { nil }
    }

    /// The bytes of the tensor that a leaf is a view of; `nil` for a plain value.
    ///
    /// - Throws: ``RegistryError``.
    package func storedBytes(ofLeaf ordinal: Int) throws -> StoredBytes? {
        let leaf = content.leaves[ordinal]
        guard case .tensor(let row, _, _) = leaf.content else { return nil }
        return try registry.read { db in
            try VersionTable.requirePresent(content.version, db)
            var finder = try ChunkFinder(db)
            let chunks = try locatingDamage(version: content.version.reference, path: leaf.path) {
                try TensorChunkTable.chunks(of: row, &finder, db)
            }
            return StoredBytes(
                byteCount: row.byteCount, chunks: chunks, session: try ReadSession(registry.store, db),
                registry: registry, version: content.version, path: leaf.path)
        }
    }

    /// What the registry knows of the elements of each leaf that is exactly a stored tensor, by its number; of a dropped
    /// one, where another version has the tensor.
    package func storedHealth() throws -> [Int: StoredHealth] {
        try registry.read { db in try storedHealth(db) }
    }

    private func storedHealth(_ db: Database) throws -> [Int: StoredHealth] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT ordinal, nan_count, infinity_count, l2_norm
                FROM parameter JOIN tensor ON tensor.id = parameter.tensor
                WHERE version = ?1 AND view_id IS NULL AND l2_norm IS NOT NULL
                UNION ALL
                SELECT ordinal, nan_count, infinity_count, l2_norm
                FROM dropped_parameter JOIN tensor ON tensor.content_id = dropped_parameter.content_id
                WHERE version = ?1 AND l2_norm IS NOT NULL
                """,
            arguments: [content.version.rowID])
        var health: [Int: StoredHealth] = [:]
        while let row = try rows.next() {
            let norm: Double = try row.value("l2_norm")
            health[try row.value("ordinal")] = StoredHealth(
                nanCount: try row.optional("nan_count") ?? 0,
                infinityCount: try row.optional("infinity_count") ?? 0,
                sumOfSquares: norm * norm)
        }
        return health
    }
}

/// What the columns of a tensor say of its elements.
package struct StoredHealth: Sendable {
    /// Elements that are not a number.
    package let nanCount: Int
    /// Infinite elements.
    package let infinityCount: Int
    /// The sum of the squares of finite elements.
    package let sumOfSquares: Double
}

/// The bytes of a stored tensor, to be decoded from any thread.
package struct StoredBytes: Sendable {
    /// Length of the decoded bytes.
    package let byteCount: Int
    private let chunks: [ChunkLocation]
    private let session: ReadSession
    private let registry: Registry
    private let version: Version
    private let path: CheckpointPath

    fileprivate init(
        byteCount: Int, chunks: [ChunkLocation], session: ReadSession, registry: Registry, version: Version,
        path: CheckpointPath
    ) {
        self.byteCount = byteCount
        self.chunks = chunks
        self.session = session
        self.registry = registry
        self.version = version
        self.path = path
    }

    /// The content ids of its chunks, in order.
    package var chunkIDs: [ContentID] { chunks.map(\.contentID) }

    /// Whether decoding a chunk takes the decoded bytes of the one called `id`.
    package func isDelta(chunk index: Int, of id: ContentID) -> Bool {
        var next = chunks[index].base
        while let base = next {
            if base.contentID == id { return true }
            next = base.base
        }
        return false
    }

    /// Decodes a stretch.
    ///
    /// - Parameter known: A chunk that is decoded already.
    /// - Throws: ``RegistryError/damaged(_:)``.
    /// - Precondition: `range` is within the bytes, and as long as `target`.
    package func read(
        _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer, knowing known: KnownChunk? = nil
    ) throws {
        precondition(range.count == target.count, "\(range.count) bytes for \(target.count)")
        guard !range.isEmpty else { return }
        let first = range.lowerBound / Chunking.chunkByteCount
        let last = (range.upperBound - 1) / Chunking.chunkByteCount
        try registry.explaining(version, paths: [path]) {
            try locatingDamage(version: version.reference, path: path) {
                for index in first...last {
                    let whole = Chunking.range(ofChunk: index, byteCount: byteCount)
                    let part = whole.clamped(to: range)
                    let start = part.lowerBound - range.lowerBound
                    let destination = UnsafeMutableRawBufferPointer(
                        rebasing: target[start..<start + part.count])
                    if part == whole {
                        try session.read(chunks[index], into: destination, knowing: known)
                        continue
                    }
                    let inner = part.lowerBound - whole.lowerBound..<part.upperBound - whole.lowerBound
                    try withUnsafeTemporaryAllocation(byteCount: whole.count, alignment: 64) { chunk in
                        try session.read(chunks[index], into: chunk, knowing: known)
                        destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[inner]))
                    }
                }
            }
        }
    }
}
