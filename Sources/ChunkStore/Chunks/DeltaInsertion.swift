package import Checkpoints
package import GRDB

/// Inserting chunks of another store with the encodings that they have there.
package enum DeltaInsertion {
    /// A chunk whose encoding has been decoded and compared with its id.
    package struct Chunk: Sendable {
        package let record: ChunkRecord
        package let encoded: [UInt8]

        package init(record: ChunkRecord, encoded: [UInt8]) {
            self.record = record
            self.encoded = encoded
        }
    }

    /// Inserts chunks, bases before their deltas. Those that the store has by now are left out.
    ///
    /// - Returns: The deltas that were not inserted: their base is not here, or the chain would be too deep.
    package static func insert(_ chunks: [Chunk], _ db: Database, rules: DeltaRules) throws -> [ContentID] {
        let find = try db.cachedStatement(sql: "SELECT id, depth FROM chunk WHERE content_id = ?")
        func known(_ id: ContentID) throws -> (row: Int64, depth: Int)? {
            try Row.fetchOne(find, arguments: [id.data]).map { (try $0.value("id"), try $0.value("depth")) }
        }
        var depths: [ContentID: Int] = [:]
        var accepted: [Chunk] = []
        var rejected: [ContentID] = []
        for chunk in chunks {
            let id = chunk.record.id
            guard depths[id] == nil, try known(id) == nil else { continue }
            var depth = 0
            if let base = chunk.record.base {
                guard let baseDepth = try depths[base] ?? known(base)?.depth,
                    rules.allowDelta(height: 0, baseDepth: baseDepth)
                else {
                    rejected.append(id)
                    continue
                }
                depth = baseDepth + 1
            }
            depths[id] = depth
            accepted.append(chunk)
        }
        let places = try PackTable.insert(
            db, byteCounts: accepted.map(\.encoded.count), bytes: { accepted[$0].encoded })
        for (chunk, place) in zip(accepted, places) {
            let base = try chunk.record.base.flatMap { try known($0) }
            _ = try ChunkTable.insert(ChunkTable.NewRow(chunk: chunk.record, base: base, place: place), db)
        }
        return rejected
    }
}
