import Checkpoints
import ChunkStore
import Foundations
import GRDB
import TensorCodec
import Tensors

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

    /// Does it, in many transactions of bounded size, once the rows have been found sound that say what is needed.
    ///
    /// - Throws: ``RegistryError/damaged(_:)`` where they are not; then nothing has been deleted.
    func run() throws -> GarbageReport {
        try RowVerification.requireSound(registry)
        let before = try registry.read(PageCounts.init)
        var counts = Counts()
        let rules = try registry.packingRules()
        // A second look, for what other processes have packed meanwhile. What is damaged stays.
        for _ in 0..<2 {
            let jobs = try registry.read { db in try rebasingJobs(db) }
            try rebase(jobs, keepsOnlyByteCounts: false) { batch, recoder in
                counts.rebased += try registry.write { db in
                    try recoder.store(batch, db, rules: rules.delta).stored.count
                }
                LockPolicy.pause()
            }
            if jobs.isEmpty { break }
        }
        try registry.write { db in try removeRows(db, &counts) }
        try translatingErrors {
            let removal = GarbageRemoval(registry.store)
            try removal.deletePacks()
            try removal.tidy()
        }
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
        try rebase(jobs, keepsOnlyByteCounts: true) { batch, _ in rebased.append(batch) }
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
        let recoder = ChunkRecoder(registry.store, effort: .fast, keepsOnlyByteCounts: true)
        for batch in rebased {
            counts.rebased += try recoder.store(batch, db, rules: rules.delta).stored.count
        }
        try removeRows(db, &counts)
        let after = try GarbageRemoval(registry.store).rehearse(db)
        return report(counts, before.all - after, before)
    }

    private func report(_ counts: Counts, _ pageCount: Int, _ pages: PageCounts) -> GarbageReport {
        GarbageReport(
            versionCount: counts.versions, tensorCount: counts.tensors, chunkCount: counts.chunks,
            rebasedChunkCount: counts.rebased, freedByteCount: max(0, pageCount * pages.pageByteCount))
    }

    // MARK: Chunks that depend on what goes

    /// Encodes anew what is needed and is a difference from what is not.
    private func rebase(
        _ jobs: [RecodingJob], keepsOnlyByteCounts: Bool, _ body: ([Recoding], ChunkRecoder) throws -> Void
    ) throws {
        let recoder = ChunkRecoder(
            registry.store, effort: .fast, keepsOnlyByteCounts: keepsOnlyByteCounts)
        var rest = jobs[...]
        while !rest.isEmpty {
            try Task.checkCancellation()
            let (recodings, jobCount) = try recoder.recode(rest)
            rest = rest.dropFirst(jobCount)
            if !recodings.isEmpty { try body(recodings, recoder) }
        }
    }

    private func rebasingJobs(_ db: Database) throws -> [RecodingJob] {
        let find = try db.cachedStatement(
            sql: """
                SELECT dtype FROM tensor_chunk JOIN tensor ON tensor.id = tensor_chunk.tensor
                WHERE tensor_chunk.chunk = ? ORDER BY tensor.id LIMIT 1
                """)
        return try Rebasing.jobs(db, registry.store, rules: PackingRules(db).delta) { chunk in
            try String.fetchOne(find, arguments: [chunk]).flatMap { DType(rawValue: $0) }.map {
                ElementKind($0)
            }
        }
    }

    // MARK: Rows

    private func removeRows(_ db: Database, _ counts: inout Counts) throws {
        let before = try PageCounts(db)
        counts.versions = try delete(db, "DELETE FROM version WHERE deleted_at IS NOT NULL")
        counts.tensors = try delete(
            db,
            "DELETE FROM tensor WHERE NOT EXISTS (SELECT 1 FROM parameter WHERE parameter.tensor = tensor.id)")
        counts.chunks = try GarbageRemoval(registry.store).deleteChunks(db)
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
}
