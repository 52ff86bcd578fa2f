package import Checkpoints
package import GRDB

/// Finds chunks, each once. Valid within the transaction that it was made in.
package struct ChunkFinder {
    private let byRow: Statement
    private let byID: Statement
    private var known: [Int64: ChunkLocation] = [:]

    private static let columns =
        "id, content_id, checksum, byte_count, codec, base, pack, pack_offset, stored_byte_count"

    package init(_ db: Database) throws {
        byRow = try db.cachedStatement(sql: "SELECT \(ChunkFinder.columns) FROM chunk WHERE id = ?")
        byID = try db.cachedStatement(sql: "SELECT \(ChunkFinder.columns) FROM chunk WHERE content_id = ?")
    }

    /// The chunk in a row; `nil` where there is no such row.
    ///
    /// - Throws: ``StoreDamage``.
    package mutating func chunk(_ rowID: Int64) throws -> ChunkLocation? {
        if let location = known[rowID] { return location }
        return try Row.fetchOne(byRow, arguments: [rowID]).map { try location($0) }
    }

    /// The chunk called `id`; `nil` where the store does not have it.
    ///
    /// - Throws: ``StoreDamage``.
    package mutating func chunk(_ id: ContentID) throws -> ChunkLocation? {
        guard let row = try Row.fetchOne(byID, arguments: [id.data]) else { return nil }
        let location = try location(row)
        guard location.contentID == id else {
            throw StoreDamage(chunk: id, problem: "the index of chunks does not match its table")
        }
        return location
    }

    private mutating func location(_ row: Row) throws -> ChunkLocation {
        // Down to a keyframe or a known chunk, then up again: no recursion on a chain from a file.
        var chain: [(id: Int64, row: Row)] = []
        var next: Row? = row
        var base: ChunkLocation?
        while let row = next {
            let id: Int64 = try row.value("id")
            if let location = known[id] {
                base = location
                break
            }
            guard chain.count < ChunkLocation.maximumDepth else {
                throw StoreDamage(
                    chunk: try row.contentID("content_id"), problem: "its deltas form a cycle or are too deep")
            }
            chain.append((id, row))
            guard let baseID: Int64 = try row.optional("base") else { break }
            next = try Row.fetchOne(byRow, arguments: [baseID])
            if next == nil {
                throw StoreDamage(
                    chunk: try row.contentID("content_id"),
                    problem: "the chunk that it is a delta from is missing")
            }
        }
        for (id, row) in chain.reversed() {
            let location = try ChunkLocation(row, base: base)
            known[id] = location
            base = location
        }
        guard let base else { throw StoreDamage(problem: "a chunk's row is missing") }
        return base
    }
}
