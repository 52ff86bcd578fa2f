import Checkpoints
import ChunkStore
import Foundations
import GRDB
import TensorCodec
import Tensors

/// One garbage collection: first what is needed is freed from what is not, then that is removed.
package struct GarbageCollection {
    private let registry: Registry
    private let rowCountAtOnce: Int

    /// - Parameter rowCountAtOnce: Rows that one transaction deletes, at most.
    package init(_ registry: Registry, rowCountAtOnce: Int = TransactionSeries.rowCountAtOnce) {
        self.registry = registry
        self.rowCountAtOnce = rowCountAtOnce
    }

    /// Does it, in many transactions of bounded size, once the rows have been found sound that say what is needed.
    ///
    /// - Parameter pause: Called after each transaction that deletes rows; what it throws ends the collection there.
    /// - Throws: ``RegistryError/damaged(_:)`` where they are not; then nothing has been deleted.
    package func run(pause: @escaping () throws -> Void = LockPolicy.pause) throws -> GarbageReport {
        try RowVerification.requireSound(registry)
        let before = try registry.read(PageCounts.init)
        var rebasedCount = 0
        let rules = try registry.packingRules()
        // A second look, for what other processes have packed meanwhile. What is damaged stays.
        for _ in 0..<2 {
            let jobs = try registry.read { db in try rebasingJobs(db) }
            try rebase(jobs, keepsOnlyByteCounts: false) { batch, recoder in
                rebasedCount += try registry.write { db in
                    try recoder.store(batch, db, rules: rules.delta).stored.count
                }
                LockPolicy.pause()
            }
            if jobs.isEmpty { break }
        }
        let counts = try translatingErrors {
            let counts = try removeRows(TransactionSeries(registry.store, pause: pause))
            let removal = GarbageRemoval(registry.store)
            try removal.deletePacks()
            try removal.tidy()
            return counts
        }
        let after = try registry.read(PageCounts.init)
        return report(counts, rebasedCount, before.all - after.all, before)
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
        var rebasedCount = 0
        let rules = try PackingRules(db)
        try change?(db)
        let recoder = ChunkRecoder(registry.store, effort: .fast, keepsOnlyByteCounts: true)
        for batch in rebased {
            rebasedCount += try recoder.store(batch, db, rules: rules.delta).stored.count
        }
        let counts = try removeRows(TransactionSeries(within: db))
        let after = try GarbageRemoval(registry.store).rehearse(db)
        return report(counts, rebasedCount, before.all - after, before)
    }

    private func removeRows(_ transactions: TransactionSeries) throws -> RowRemoval.Counts {
        var removal = RowRemoval(registry.store, transactions, rowCountAtOnce: rowCountAtOnce)
        return try removal.run()
    }

    private func report(
        _ counts: RowRemoval.Counts, _ rebasedCount: Int, _ pageCount: Int, _ pages: PageCounts
    ) -> GarbageReport {
        GarbageReport(
            versionCount: counts.versions, tensorCount: counts.tensors, chunkCount: counts.chunks,
            rebasedChunkCount: rebasedCount, freedByteCount: max(0, pageCount * pages.pageByteCount))
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
            let (recodings, jobCount) = try translatingErrors { try recoder.recode(rest) }
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
}
