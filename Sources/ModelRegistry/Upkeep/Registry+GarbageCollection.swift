import Checkpoints
import Foundations
import GRDB
import Glibc
import TensorCodec
import Tensors

/// What a garbage collection removed, or would remove.
public struct GarbageReport: Hashable, Sendable {
    /// Deleted versions whose rows went.
    public let versionCount: Int
    /// Tensors that no version needs any more.
    public let tensorCount: Int
    /// Chunks that no tensor needs any more.
    public let chunkCount: Int
    /// Chunks that are needed, and were differences from such: they are encoded anew.
    public let rebasedChunkCount: Int
    /// Bytes that the file is shorter by, or would be.
    public let freedByteCount: Int
}

extension Registry {
    /// Removes what no version needs, and gives the space back to the file system.
    ///
    /// Safe beside saves of other threads and processes: chunks that such a save has written already may go too,
    /// but it looks for them in the transaction that makes its version visible, and writes them again. May be
    /// interrupted at any instant.
    ///
    /// - Parameter dryRun: Whether only to say what would be removed.
    /// - Throws: ``RegistryError``.
    /// - Complexity: O(rows removed), the bytes of packs of which an eighth is not needed, and the bytes of deltas
    ///   from what is removed.
    @discardableResult
    public func collectGarbage(dryRun: Bool = false) throws -> GarbageReport {
        let collection = GarbageCollection(self)
        return dryRun ? try collection.rehearse() : try collection.run()
    }
}

/// One garbage collection: first what is needed is freed from what is not, then that is removed.
struct GarbageCollection {
    private let registry: Registry

    init(_ registry: Registry) {
        self.registry = registry
    }

    private struct Counts {
        var versions = 0
        var tensors = 0
        var chunks = 0
        var rebased = 0
    }

    /// Does it, in many transactions of bounded size.
    func run() throws -> GarbageReport {
        let before = try registry.read(PageCounts.init)
        var counts = Counts()
        let rules = try registry.packingRules()
        // A second look, for what other processes have packed meanwhile. What is damaged stays.
        for _ in 0..<2 {
            let jobs = try registry.read { db in try rebasingJobs(db) }
            try rebase(jobs, keepsOnlyByteCounts: false) { batch in
                let stored = try registry.write { db in
                    let result = try ChunkRecoder.store(batch, db, rules: rules)
                    try PackTable.deleteEmpty(db, among: result.oldPacks)
                    return result.stored.count
                }
                counts.rebased += stored
                usleep(Registry.pauseMicroseconds)
            }
            if jobs.isEmpty { break }
        }
        try registry.write { db in try removeRows(db, &counts) }
        try registry.tidyPacks()
        let after = try registry.read(PageCounts.init)
        return report(counts, before.all - after.all, before)
    }

    /// Finds out what ``run()`` would do, and leaves everything as it is.
    ///
    /// - Parameter change: What to look upon as done before, such as deleting a version.
    func rehearse(after change: ((Database) throws -> Void)? = nil) throws -> GarbageReport {
        let jobs: [RecodingJob]
        if let change {
            jobs = try registry.undoing { db in
                try change(db)
                return try rebasingJobs(db)
            }
        } else {
            jobs = try registry.read { db in try rebasingJobs(db) }
        }
        var rebased: [[Recoding]] = []
        try rebase(jobs, keepsOnlyByteCounts: true) { rebased.append($0) }
        return try registry.undoing { db in try rehearse(db, after: change, rebased: rebased) }
    }

    /// The same steps in the same order, with zeros for bytes.
    private func rehearse(
        _ db: Database, after change: ((Database) throws -> Void)?, rebased: [[Recoding]]
    ) throws -> GarbageReport {
        let before = try PageCounts(db)
        var counts = Counts()
        let rules = try PackingRules(db)
        try change?(db)
        for batch in rebased {
            let result = try ChunkRecoder.store(batch, db, rules: rules)
            try PackTable.deleteEmpty(db, among: result.oldPacks)
            counts.rebased += result.stored.count
        }
        try removeRows(db, &counts)
        for packs in PackTable.batches(try PackTable.thin(db)) {
            try PackTable.rewrite(db, packs, copies: false)
        }
        return report(counts, before.all - (try PageCounts(db).shrunk), before)
    }

    private func report(_ counts: Counts, _ pageCount: Int, _ pages: PageCounts) -> GarbageReport {
        GarbageReport(
            versionCount: counts.versions, tensorCount: counts.tensors, chunkCount: counts.chunks,
            rebasedChunkCount: counts.rebased, freedByteCount: max(0, pageCount * pages.pageByteCount))
    }

    // MARK: Chunks that depend on what goes

    /// Encodes anew what is needed and is a difference from what is not.
    private func rebase(
        _ jobs: [RecodingJob], keepsOnlyByteCounts: Bool, _ body: ([Recoding]) throws -> Void
    ) throws {
        let recoder = ChunkRecoder(
            registry: registry, effort: .fast, keepsOnlyByteCounts: keepsOnlyByteCounts)
        var rest = jobs[...]
        while !rest.isEmpty {
            let (recodings, jobCount) = try recoder.recode(rest)
            rest = rest.dropFirst(jobCount)
            if !recodings.isEmpty { try body(recodings) }
        }
    }

    /// A chunk that is needed takes the nearest chunk below it that is needed too for its base. Of those whose whole
    /// chain goes, the newest becomes a keyframe, and the base of the others.
    private func rebasingJobs(_ db: Database) throws -> [RecodingJob] {
        func isNeeded(_ chunk: String) -> String {
            """
            EXISTS (
              SELECT 1 FROM tensor_chunk JOIN parameter ON parameter.tensor = tensor_chunk.tensor
              JOIN version ON version.id = parameter.version
              WHERE tensor_chunk.chunk = \(chunk) AND version.deleted_at IS NULL)
            """
        }
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT delta.id, delta.byte_count, (
                  SELECT dtype FROM tensor_chunk JOIN tensor ON tensor.id = tensor_chunk.tensor
                  WHERE tensor_chunk.chunk = delta.id ORDER BY tensor.id LIMIT 1) AS dtype
                FROM chunk AS delta
                WHERE delta.base IS NOT NULL AND \(isNeeded("delta.id")) AND NOT \(isNeeded("delta.base"))
                ORDER BY delta.id
                """)
        guard !rows.isEmpty else { return [] }
        let graph = try DeltaGraph(db)
        let needed = try db.cachedStatement(sql: "SELECT \(isNeeded("?"))")
        let rules = try PackingRules(db)
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
            guard let dtype = DType(rawValue: try row.value("dtype")) else { return nil }
            let chunk: Int64 = try row.value("id")
            return RecodingJob(
                chunk: chunk, base: bases[chunk], byteCount: try row.value("byte_count"),
                kind: ElementKind(dtype), aim: .otherBase, triesKeyframe: true)
        }
    }

    // MARK: Rows

    private func removeRows(_ db: Database, _ counts: inout Counts) throws {
        let before = try PageCounts(db)
        counts.versions = try delete(db, "DELETE FROM version WHERE deleted_at IS NOT NULL")
        counts.tensors = try delete(
            db,
            "DELETE FROM tensor WHERE NOT EXISTS (SELECT 1 FROM parameter WHERE parameter.tensor = tensor.id)")
        counts.chunks = try deleteChunks(db)
        try PackTable.deleteEmpty(db)
        _ = try delete(
            db,
            "DELETE FROM structure WHERE NOT EXISTS (SELECT 1 FROM version WHERE version.structure = structure.id)"
        )
        _ = try delete(
            db,
            """
            DELETE FROM attachment_content
            WHERE NOT EXISTS (SELECT 1 FROM attachment WHERE attachment.content = attachment_content.id)
              AND NOT EXISTS (SELECT 1 FROM run_attachment WHERE run_attachment.content = attachment_content.id)
            """)
        _ = try delete(
            db,
            """
            DELETE FROM environment WHERE id NOT IN (
              SELECT environment FROM version WHERE environment IS NOT NULL
              UNION SELECT environment FROM run WHERE environment IS NOT NULL)
            """)
        if counts.versions + counts.tensors + counts.chunks > 0 {
            let after = try PageCounts(db)
            let freed = (before.all - before.free - after.all + after.free) * before.pageByteCount
            try EventTable.insert(db, "gc", at: Timestamp.now(), detail: "{\"freed_byte_count\":\(freed)}")
        }
    }

    private func delete(_ db: Database, _ sql: String) throws -> Int {
        try db.execute(sql: sql)
        return db.changesCount
    }

    /// Deletes chunks that no tensor needs, deltas before what they are differences from.
    private func deleteChunks(_ db: Database) throws -> Int {
        var count = 0
        while true {
            let deleted = try delete(
                db,
                """
                DELETE FROM chunk
                WHERE NOT EXISTS (SELECT 1 FROM tensor_chunk WHERE tensor_chunk.chunk = chunk.id)
                  AND NOT EXISTS (SELECT 1 FROM chunk AS delta WHERE delta.base = chunk.id)
                """)
            if deleted == 0 { return count }
            count += deleted
        }
    }
}
