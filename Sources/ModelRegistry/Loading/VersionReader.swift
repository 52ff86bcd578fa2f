package import Checkpoints
import Foundations
import GRDB
import Tensors

extension Registry {
    /// Calls `body` with readers of versions, within one transaction: a version cannot vanish meanwhile.
    ///
    /// - Throws: ``RegistryError``, and what `body` throws, which must not use the registry.
    package func withReaders<Result>(
        of references: [String], _ body: ([VersionReader]) throws -> Result
    ) throws -> Result {
        try read { db in
            // One for all: a connection serves one thread at a time.
            let packs = PackReader(db)
            let readers = try references.map { reference in
                let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
                return try VersionReader(db, version, packs)
            }
            return try body(readers)
        }
    }
}

/// Reads stretches of the tensors of a version. Valid within the transaction that it was made in.
package final class VersionReader {
    /// What the version is.
    package let manifest: Manifest
    private let content: VersionContent
    private let db: Database
    private let packs: PackReader
    private var finder: ChunkFinder

    fileprivate init(_ db: Database, _ version: Version, _ packs: PackReader) throws {
        self.db = db
        self.packs = packs
        content = try VersionContent(db, version)
        manifest = content.manifest
        finder = try ChunkFinder(db)
    }

    /// How a leaf lies in its stored tensor; `nil` for a plain value.
    package func view(ofLeaf ordinal: Int) -> SavePlan.View? {
        if case .tensor(_, let view, _) = content.leaves[ordinal].content { view } else { nil }
    }

    /// The bytes of the tensor that a leaf is a view of; `nil` for a plain value. To be called on the thread of the
    /// transaction; what it returns can be read on any.
    ///
    /// - Throws: ``RegistryError/damaged(_:)``.
    package func storedBytes(ofLeaf ordinal: Int) throws -> StoredBytes? {
        let leaf = content.leaves[ordinal]
        guard case .tensor(let row, _, _) = leaf.content else { return nil }
        do {
            return StoredBytes(
                byteCount: row.byteCount, chunks: try finder.chunks(of: row), packs: packs,
                reference: content.version.reference, path: leaf.path)
        } catch var damage as RegistryError.Damage {
            damage.version = content.version.reference
            damage.path = leaf.path.text
            throw RegistryError.damaged(damage)
        }
    }

    /// What the registry knows of the elements of each leaf that is exactly a stored tensor, by its number.
    package func storedHealth() throws -> [Int: StoredHealth] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT ordinal, nan_count, infinity_count, l2_norm
                FROM parameter JOIN tensor ON tensor.id = parameter.tensor
                WHERE version = ? AND view_id IS NULL AND l2_norm IS NOT NULL
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

/// The bytes of a stored tensor, to be decoded from any thread. Valid as long as the reader it came from.
package struct StoredBytes: Sendable {
    /// Length of the decoded bytes.
    package let byteCount: Int
    private let chunks: [ChunkLocation]
    private let packs: PackReader
    private let reference: String
    private let path: CheckpointPath

    fileprivate init(
        byteCount: Int, chunks: [ChunkLocation], packs: PackReader, reference: String, path: CheckpointPath
    ) {
        self.byteCount = byteCount
        self.chunks = chunks
        self.packs = packs
        self.reference = reference
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
        do {
            for index in first...last {
                let whole = Chunking.range(ofChunk: index, byteCount: byteCount)
                let part = whole.clamped(to: range)
                let start = part.lowerBound - range.lowerBound
                let destination = UnsafeMutableRawBufferPointer(
                    rebasing: target[start..<start + part.count])
                if part == whole {
                    try decode(index, into: destination, knowing: known)
                } else {
                    let inner =
                        part.lowerBound - whole.lowerBound..<part.upperBound - whole.lowerBound
                    try withUnsafeTemporaryAllocation(byteCount: whole.count, alignment: 64) { chunk in
                        try decode(index, into: chunk, knowing: known)
                        destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[inner]))
                    }
                }
            }
        } catch var damage as RegistryError.Damage {
            damage.version = reference
            damage.path = path.text
            throw RegistryError.damaged(damage)
        }
    }

    private func decode(
        _ index: Int, into target: UnsafeMutableRawBufferPointer, knowing known: KnownChunk?
    ) throws {
        try ChainDecoder.pool.withWorker {
            try $0.decode(chunks[index], from: packs, into: target, knowing: known)
        }
    }
}

/// A chunk that is decoded already, so that deltas of it need not decode it again.
package struct KnownChunk {
    /// Its content id.
    package let id: ContentID
    /// Its decoded bytes.
    package let bytes: UnsafeRawBufferPointer

    /// Names a decoded chunk.
    package init(id: ContentID, bytes: UnsafeRawBufferPointer) {
        self.id = id
        self.bytes = bytes
    }
}
