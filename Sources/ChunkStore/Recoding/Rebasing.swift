import Checkpoints
package import GRDB
package import TensorCodec

/// Chunks that are needed and are differences from chunks that are not: they are encoded anew before those are freed.
package enum Rebasing {
    /// How to encode them. A chunk that is needed takes the nearest chunk further down its chain that is needed too for
    /// its base. Of those whose whole chain goes, the newest becomes a keyframe, and the base of the others.
    ///
    /// - Parameter kind: What the elements of a chunk are; `nil` to leave the chunk as it is.
    package static func jobs(
        _ db: Database, _ store: ChunkStore, rules: DeltaRules, kind: (_ chunk: Int64) throws -> ElementKind?
    ) throws -> [RecodingJob] {
        let isNeeded = store.needs.isNeeded
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT delta.id, delta.byte_count FROM chunk AS delta
                WHERE delta.base IS NOT NULL AND \(isNeeded("delta.id")) AND NOT \(isNeeded("delta.base"))
                ORDER BY delta.id
                """)
        guard !rows.isEmpty else { return [] }
        let graph = try DeltaGraph(db, store.needs)
        let needed = try db.cachedStatement(sql: "SELECT \(isNeeded("?1"))")
        var heirs: [Int64: Int64] = [:]
        var orphans: [(chunk: Int64, keyframe: Int64)] = []
        var bases: [Int64: Int64] = [:]
        for row in rows {
            let chunk: Int64 = try row.value("id")
            let chain = try graph.bases(of: chunk)
            guard try !graph.isNeededFast(chunk) else {
                if let keyframe = chain.last { heirs[keyframe] = chunk }
                continue
            }
            let index = try chain.firstIndex { try Bool.fetchOne(needed, arguments: [$0]) == true }
            guard let index else {
                if let keyframe = chain.last { orphans.append((chunk, keyframe)) }
                continue
            }
            if rules.allowDelta(height: try graph.height(of: chunk), baseDepth: chain.count - index - 1) {
                bases[chunk] = chain[index]
            }
        }
        // Newest first: the newest is the heir, unless one has to load fast.
        for orphan in orphans.reversed() {
            let heir = heirs[orphan.keyframe]
            if heir == nil { heirs[orphan.keyframe] = orphan.chunk }
            if let heir, rules.allowDelta(height: try graph.height(of: orphan.chunk), baseDepth: 0) {
                bases[orphan.chunk] = heir
            }
        }
        // Bases before what becomes a difference from them.
        let keyframes = Set(heirs.values)
        let (first, rest) = try rows.reduce(into: ([Row](), [Row]())) { parts, row in
            if keyframes.contains(try row.value("id")) { parts.0.append(row) } else { parts.1.append(row) }
        }
        return try (first + rest).compactMap { row in
            let chunk: Int64 = try row.value("id")
            let byteCount: Int = try row.value("byte_count")
            guard (1...Chunking.chunkByteCount).contains(byteCount), let kind = try kind(chunk) else {
                return nil
            }
            return RecodingJob(
                chunk: chunk, base: bases[chunk], byteCount: byteCount, kind: kind, aim: .otherBase,
                triesKeyframe: true)
        }
    }
}
